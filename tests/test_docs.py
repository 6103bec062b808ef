"""The documentation says what is so: generated pages are up to date, examples run, command lines exist."""

import doctest
import importlib
import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import tracekit
from tests.test_examples import full_names
from tracekit.cli.app import command_tree

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

#: Pages whose Python blocks are run, each page as one script, where runs/first holds a sweep.
PAGES = [DOCS / "quickstart.md", *sorted((DOCS / "howto").glob("*.md"))]


def test_the_optimizer_page_is_up_to_date():
    spec = importlib.util.spec_from_file_location("generate_optimizers", DOCS / "generate_optimizers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (DOCS / "optimizers.md").read_text(encoding="utf-8")
    assert written == module.page(), "run `python docs/generate_optimizers.py`"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder in which runs/first is what the quickstart records, but for its length and network."""
    folder = tmp_path_factory.mktemp("docs")
    sweep = tracekit.Sweep(optimizers=["sgd", "adam"], seeds=5, updates=250, model="softmax_regression")
    tracekit.run_sweep(sweep, folder / "runs" / "first", jobs=1)
    return folder


def blocks(page, language):
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_python_of_a_page_runs(page, place):
    if page.stem == "pytorch":
        pytest.importorskip("torch", reason="the page records a PyTorch loop, and PyTorch is not installed")
    code = "\n".join(blocks(page, "python"))
    assert code
    script = place / f"page-{page.stem}.py"  # no name that could be imported
    script.write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, script], cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_traces_of_a_pytorch_loop_are_labelled_by_the_command(place):
    if not (place / "runs" / "torch").exists():
        pytest.skip("the page that records them was not run")
    words = [sys.executable, "-m", "tracekit.cli", "label", "runs/torch", "--json"]
    done = subprocess.run(words, cwd=place, capture_output=True, text=True, check=True)
    assert {(row["optimizer"], row["n_seeds"]) for row in json.loads(done.stdout)} == {
        ("sgd", 5),
        ("adam", 5),
    }


def command_lines():
    """Every `tracekit ...` line of a block, and every one between backticks."""
    pages = [
        ROOT / "README.md",
        *(page for page in sorted(DOCS.rglob("*.md")) if "_generated" not in page.parts),
    ]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"^```(?:bash|sh|console)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            joined = block.replace("\\\n", " ")
            yield from ((page, line) for line in joined.splitlines() if line.startswith("tracekit "))
        yield from ((page, line) for line in re.findall(r"`(tracekit [a-z][^`\n]*)`", text))


def test_every_command_line_in_the_documentation_exists():
    """Options and arguments are parsed, not run; capitals stand for what the reader puts in."""
    root = command_tree()
    checked = 0
    for page, line in command_lines():
        # A pipe ends the command; in a table it is escaped, and parts alternatives of which the first is tried.
        words = shlex.split(line.replace("\\|", "|").split("|")[0].split("#")[0])[1:]
        command, path = root, ["tracekit"]
        while words and words[0] in getattr(command, "commands", {}):
            path.append(words[0])
            command = command.commands[words.pop(0)]
        if any(word in ("COMMAND", "...") for word in words):
            continue
        known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)} | {"--help"}
        options = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert options <= known, f"{page}: {line}"
        assert not hasattr(command, "commands") or not [w for w in words if not w.startswith("-")], (
            f"{page}: {line}"
        )
        checked += 1
    assert checked > 40


def test_links_between_pages_lead_somewhere():
    for page in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page} links to {target}"


MODULES = [
    ".".join(path.relative_to(ROOT / home).with_suffix("").parts)
    for home in ("src", "analysis")
    for path in sorted((ROOT / home).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8") and "studies" not in path.parts
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_docstrings_hold(name):
    tests = [test for test in doctest.DocTestFinder().find(importlib.import_module(name)) if test.examples]
    assert tests
    runner, elsewhere = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS), full_names()
    for test in tests:
        if test.name not in elsewhere:  # those run in tests/test_examples.py
            runner.run(test)
    assert runner.failures == 0


def test_the_version_to_cite_is_this_one():
    assert f"version: {tracekit.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version = {{{tracekit.__version__}}}" in (DOCS / "cite.md").read_text(encoding="utf-8")
