"""What `--help` says of each command in a line, and how it is called; the documentation shows the same."""

from __future__ import annotations

#: Command -> what it does, in the list of commands.
SUMMARIES = {
    "init": "Write a commented file of settings to start from.",
    "run": "Train and record a sweep.",
    "watch": "Show how far a sweep is, from any terminal.",
    "resume": "Go on with a sweep that was stopped.",
    "doctor": "Find what is damaged or missing in recorded runs.",
    "range-test": "Suggest a learning rate.",
    "list": "List what there is to choose from.",
    "show": "Show an experiment's settings, runs and signals.",
    "analyze": "Compute the statistics of every recorded series.",
    "label": "Say which configurations are stable, and how sure that is.",
    "compare": "Say whether optimizers differ.",
    "claims": "Check the reference paper's claims.",
    "plan": "Say how many seeds and updates an answer needs.",
    "calibrate": "Measure how often tests and labels err for your design.",
    "report": "Write the HTML and PDF report.",
    "data": "Fetch data sets and look at them.",
}

#: Command -> lines to copy.
EXAMPLES = {
    "": (
        "tracekit run --optimizer sgd --optimizer adam --seeds 5 --updates 600 --out runs/first",
        "tracekit label runs/first",
        "tracekit report runs/first -o reports/first",
    ),
    "init": ("tracekit init", "tracekit init cosine.toml --optimizer adam --optimizer lion"),
    "run": (
        "tracekit run --optimizer adam --seeds 5 --updates 600 --out runs/adam",
        "tracekit run --optimizer sgd:learning_rate=0.05 --optimizer adam --batch-size 50 --out runs/two",
        "tracekit run experiment.toml",
        "tracekit run experiment.toml --seeds 10 --out runs/ten",
        "TRACEKIT_RUN_JOBS=2 tracekit run experiment.toml --preset full --out runs/full",
    ),
    "watch": ("tracekit watch runs/first", "tracekit watch runs/first --once --json"),
    "resume": ("tracekit resume runs/first", "tracekit resume runs/first --failed"),
    "doctor": ("tracekit doctor runs/first", "tracekit doctor runs/first --quarantine"),
    "range-test": (
        "tracekit range-test --optimizer adam",
        "tracekit range-test --optimizer sgd --model mlp --batch-size 50 --seeds 5",
    ),
    "list optimizers": ("tracekit list optimizers", "tracekit list optimizers --json"),
    "list schedules": ("tracekit list schedules",),
    "list models": ("tracekit list models",),
    "list datasets": ("tracekit list datasets",),
    "list signals": ("tracekit list signals", "tracekit list signals --json"),
    "list runs": ("tracekit list runs runs/first",),
    "show": ("tracekit show runs/first", "tracekit show runs/first/adam-lr0.001-b50-s0"),
    "analyze": (
        "tracekit analyze runs/first --signal train/loss",
        "tracekit analyze runs/first --preset full -o metrics.parquet",
    ),
    "label": (
        "tracekit label runs/first",
        "tracekit label runs/first --signal train/loss --margin 0.3",
        "tracekit label runs/first -o labels.csv",
    ),
    "compare": (
        "tracekit compare runs/first",
        "tracekit compare runs/first --feature lower_index --feature tau_int --margin 1.5 --sentences",
        "tracekit compare runs/first --match updates",
        "tracekit compare runs/first --what interaction",
        "tracekit compare runs/first --what identify",
        "tracekit compare runs/first --what rank --signal eval/accuracy --metric anytime",
        "tracekit compare runs/first --what target --target 0.5",
        "tracekit compare runs/first --what profile -o profile.csv",
    ),
    "claims": (
        "tracekit claims runs/first --sentences",
        "tracekit claims runs/first --base sgd=0.1 --match updates",
    ),
    "plan": (
        "tracekit plan",
        "tracekit plan --margin 1 --margin 1.5",
        "tracekit plan --effect 1.5 --family 2 --power 0.9",
    ),
    "calibrate": (
        "tracekit calibrate --updates 600 --seeds 10 --margin 0.3",
        "tracekit calibrate --updates 600 --seeds 10 --jobs 2 -o rates.csv -o rates.svg",
    ),
    "report": ("tracekit report runs/first -o reports/first",),
    "data fetch": ("tracekit data fetch cifar10",),
    "data show": ("tracekit data show digits",),
}
