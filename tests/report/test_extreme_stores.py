"""Experiments that give a report little or nothing to draw: it comes out whole all the same."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as Canvas

from tracekit import plot
from tracekit.report import write_report
from tracekit.report.build import compose_document
from tracekit.report.document import Alert, TableCell, number
from tracekit.report.faces.html import render_html
from tracekit.report.faces.pdf import render_pdf
from tracekit.report.figures.drawing import draw, shared_limits
from tracekit.report.material.gathering import gather
from tracekit.report.material.material import Settings
from tracekit.report.sections import SECTIONS, STRICT, compose
from tracekit.traces import RunWriter, open_experiment

SERIES = (
    "train/first_logit",
    "train/loss",
    "train/accuracy",
    "eval/loss",
    "probe/logits/q05",
    "probe/logits/q50",
)
LAYERED = ("layer/grad_norm", "layer/update_ratio", "layer/step_size/q50", "layer/relu/dead")


def store(
    folder, value=lambda n, rng: rng.normal(size=n), *, n=240, status="finished", optimizers=("adam", "sgd")
):
    """Two optimizers with a run each, all signals of a run alike."""
    for optimizer in optimizers:
        rng = np.random.default_rng(len(optimizer))
        steps = np.arange(1, n + 1)
        with RunWriter(
            folder / optimizer,
            attributes={"optimizer": optimizer, "batch_size": 50, "seed": 0},
            configuration={},
            meta={},
        ) as run:
            for name in SERIES:
                run.record_series(name, steps, 1 + steps // 20, value(n, rng))
            for name in LAYERED:
                run.record_series(name, steps, 1 + steps // 20, value(n, rng), layer="conv1.weight")
            run.finish(status, reason=None if status == "finished" else "stopped")
    return folder


CASES = {
    "all diverged": {"status": "diverged"},
    "all interrupted": {"status": "interrupted"},
    "one run": {"optimizers": ("adam",)},
    "fifty updates": {"n": 50},
    "two updates": {"n": 2},
    "constant": {"value": lambda n, rng: np.full(n, 3.0)},
    "zero": {"value": lambda n, rng: np.zeros(n)},
    "negative": {"value": lambda n, rng: -1.0 - rng.random(n)},
    "huge": {"value": lambda n, rng: 1e300 * (1.0 + rng.random(n))},
    "tiny": {"value": lambda n, rng: 1e-300 * rng.random(n)},
    "exploding": {"value": lambda n, rng: np.r_[rng.normal(size=n - 60), 10.0 ** np.linspace(1, 300, 60)]},
    "not a number": {"value": lambda n, rng: np.full(n, np.nan)},
    "infinite": {"value": lambda n, rng: np.full(n, np.inf)},
}


@pytest.mark.parametrize("case", CASES)
def test_every_section_and_both_faces_stand(tmp_path, case):
    document = compose_document(gather(open_experiment(store(tmp_path / "x", **CASES[case])), Settings()))
    blocks = [block for part in document.sections for block in part.blocks]
    assert "Section not written" not in [block.title for block in blocks if isinstance(block, Alert)]
    assert render_html(document).startswith(b"<!doctype html>")
    assert render_pdf(document).startswith(b"%PDF")


def test_maps_without_a_finished_run_or_a_positive_value_say_so(tmp_path):
    for case, words in (("all diverged", "has finished"), ("zero", "no value is positive")):
        material = gather(open_experiment(store(tmp_path / case, **CASES[case])), Settings())
        said = [str(getattr(block, "spans", "")) for block in compose(SECTIONS["layers"], material).blocks]
        assert sum(words in text for text in said) >= 3, (case, said)


def test_a_section_that_fails_is_an_alert_for_readers_and_an_error_for_tests(tmp_path, monkeypatch):
    def fails(material):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("tracekit.report.sections.verdict.answer", fails)
    small = store(tmp_path / "x", n=50, optimizers=("adam",))
    with pytest.raises(ZeroDivisionError, match="planted"):
        write_report(small, tmp_path / "out")
    monkeypatch.delenv(STRICT)
    page = write_report(small, tmp_path / "out").html.read_text()
    assert "Section not written" in page
    assert "ZeroDivisionError: planted" in page
    assert "Learning curves" in page


@pytest.mark.parametrize("ends", [(1e-300, 1e300), (1e290, 1e300), (0.0, 0.0), (5e-324, 5e-324)])
def test_a_logarithmic_colour_scale_has_any_ends(ends):
    assert draw(lambda ax: plot.color_scale(ends, ax)).svg.startswith("<svg ")


def test_a_spectrum_of_huge_tiny_or_broken_power_is_drawn():
    for density in ([1e300, 1e305, 1e290], [1e-300, 1e-305, 1e-290], [np.inf, np.nan, 0.0]):
        data = pd.DataFrame({"frequency": [0.1, 0.2, 0.5], "density": density})
        ax = plot.spectrum(data, Canvas().add_subplot())
        assert np.isfinite(ax.get_ylim()).all()


def test_limits_of_a_logarithmic_axis_stay_floats():
    low, high = shared_limits([np.geomspace(1e-300, 1e300, 50)], log=True)
    assert 0 < low < 1e-299
    assert 1e299 < high < np.inf


def test_infinity_is_a_number_that_scripts_sort_and_copy():
    from tests.report.specimen import every_block
    from tracekit.report.document import Column, Document, Section, Table

    table = Table((Column("n", numeric=True),), ((number(np.inf),), (number(-np.inf),)), "", keys=0)
    document = Document("t", (), (Section("s", "S", (table,)), *every_block("x").sections))
    page = render_html(document).decode()
    assert 'data-order="Infinity"' in page
    assert 'data-order="-Infinity"' in page
    assert render_pdf(document).startswith(b"%PDF")
    assert number(np.inf) == TableCell("∞", order=np.inf)
