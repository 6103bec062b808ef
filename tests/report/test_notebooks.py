"""What a notebook shows of the objects that the public functions return."""

import subprocess
import sys
from pathlib import Path

from tests.report.simulation import simulate_run
from tracekit.report.build import ReportPaths
from tracekit.traces import open_experiment


def test_an_experiment_is_one_line(labelled, tmp_path):
    experiment = open_experiment(labelled)
    assert (
        repr(experiment) == f"Experiment('labelled', 10 runs: 9 finished, 1 diverged, path={str(labelled)!r})"
    )
    simulate_run(tmp_path / "one", steps=3)
    assert ", 1 run: 1 finished, " in repr(open_experiment(tmp_path / "one"))


def test_an_experiment_is_a_small_table_of_cells_and_statuses(labelled):
    table = open_experiment(labelled)._repr_html_()
    assert "<th>runs</th><th>finished</th><th>diverged</th>" in table
    assert "<td>optimizer adam, batch_size 100, learning_rate 0.001</td><td>5</td><td>0</td>" in table
    assert "<td>optimizer sgd, batch_size 100, learning_rate 0.05</td><td>4</td><td>1</td>" in table
    assert len(table) < 1000


def test_names_in_that_table_are_text(tmp_path):
    simulate_run(tmp_path / "<b>x" / "r", optimizer="<img src=x>", steps=3)
    table = open_experiment(tmp_path / "<b>x")._repr_html_()
    assert "<img" not in table
    assert "<b>" not in table
    assert "&lt;img src=x&gt;" in table


def test_a_table_of_many_cells_is_cut_and_says_so(tmp_path):
    for size in range(45):
        simulate_run(tmp_path / "x" / f"r{size}", batch_size=1 + size, steps=1)
    table = open_experiment(tmp_path / "x")._repr_html_()
    assert table.count("<tr>") == 1 + 40
    assert "5 more rows" in table


def test_the_files_of_a_report_are_links_whatever_their_folder_is_called():
    folder = Path('out "a" <b>')
    links = ReportPaths(*(folder / name for name in ("r.html", "r.pdf", "m.csv", "l.csv")))._repr_html_()
    assert links.count("<li><a href=") == 4
    assert '<a href="out &quot;a&quot; &lt;b&gt;/r.html">r.html</a>' in links


def test_figures_are_an_attribute_that_is_loaded_when_it_is_used():
    code = (
        "import sys, tracekit; assert 'matplotlib' not in sys.modules; "
        "print(tracekit.plot.__name__, 'matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "tracekit.plot True"
