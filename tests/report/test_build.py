"""From a folder of runs to four files: whole, small, repeatable, and never in the place of others."""

import csv
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from pypdf import PdfReader

from tests.report.simulation import simulate_experiment, simulate_run
from tracekit.errors import ArgumentError, OutputExistsError, StoreError, UnknownNameError
from tracekit.report import write_report
from tracekit.report.build import compose_document
from tracekit.report.document import Document
from tracekit.report.faces.html import render_html
from tracekit.report.material.digest import RunDigest, digest_series
from tracekit.report.material.gathering import gather
from tracekit.report.material.material import Cell, Material, Settings
from tracekit.report.sections import SECTIONS, compose
from tracekit.traces import Experiment, Run, RunWriter, open_experiment


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_report_is_four_files_that_hold_the_verdicts(report, printed):
    assert names(report.paths.html.parent) == ["labels.csv", "metrics.csv", "report.html", "report.pdf"]
    for word in ("stable", "unstable", "diverged", "train/first_logit", "95 %"):
        assert word in report.html
        assert word in "".join(printed)


def test_tables_keep_every_digit(report, material):
    labels = rows_of(report.paths.labels)
    assert [float(row["ci_high"]) for row in labels] == material.labels["ci_high"].tolist()
    assert {row["label"] for row in labels} == {"stable", "unstable"}
    metrics = rows_of(report.paths.metrics)
    assert [float(row["tau_int"] or "nan") for row in metrics] == pytest.approx(
        material.features["tau_int"].tolist(), rel=0, abs=0, nan_ok=True
    )
    assert {"run", "signal", "optimizer", "seed"} <= metrics[0].keys()


def test_the_same_input_gives_the_same_bytes(labelled, report, calibration_figure, tmp_path):
    calibration_figure.cache_clear()
    again = write_report(labelled, tmp_path / "again")
    for first, second in zip(vars_of(report.paths), vars_of(again), strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name


def vars_of(paths):
    return [paths.html, paths.pdf, paths.metrics, paths.labels]


def test_an_earlier_report_is_kept_unless_overwriting_is_asked_for(tmp_path):
    small = tmp_path / "run"
    simulate_run(small, steps=3)
    paths = write_report(small, tmp_path / "out")
    paths.html.write_text("mine")
    with pytest.raises(OutputExistsError) as error:
        write_report(small, tmp_path / "out")
    assert str(error.value) == f"{paths.html} exists; choose another folder, or pass --overwrite."
    assert paths.html.read_text() == "mine"
    assert write_report(small, tmp_path / "out", overwrite=True) == paths
    assert paths.html.read_text().startswith("<!doctype html>")


def test_the_page_stays_small_however_long_and_many_the_runs():
    values = np.random.default_rng(5).normal(size=20_000)
    values[12_345] = 40.0
    kept = digest_series(
        np.arange(1.0, 20_001.0),
        values,
        run="r",
        status="finished",
        signal="s",
        channel="",
        last_step=20_000.0,
        points=400,
    )
    assert kept.value.size == 400
    assert np.nanmax(kept.value) == 40.0
    assert np.nanmin(kept.value) == values.min()
    assert max(kept.mean.size, kept.lower.size) <= 80


def test_the_page_of_two_hundred_runs_stays_below_five_megabytes(tmp_path):
    rng = np.random.default_rng(6)
    at, names = np.arange(1.0, 1001.0), ("train/first_logit", "train/loss", "eval/loss", "train/accuracy")
    runs, cells, digests = [], [], {}
    for optimizer in ("adam", "sgd", "rmsprop", "momentum"):
        for size in (50, 100, 150, 200, 250):
            own = []
            for seed in range(10):
                attributes = {"optimizer": optimizer, "batch_size": size, "seed": seed}
                name = f"{optimizer}-b{size}-s{seed}"
                own.append(Run(name, tmp_path, attributes, {}, {}, "finished", None, at.size, 1.0, None, ()))
                series = {
                    signal: (
                        digest_series(
                            at,
                            np.exp(rng.normal(size=at.size)),
                            run=name,
                            status="finished",
                            signal=signal,
                            channel="",
                            last_step=1000.0,
                            points=250,
                        ),
                    )
                    for signal in names
                }
                digests[name] = RunDigest(
                    frozenset(names), series, {}, pd.DataFrame(), pd.DataFrame(), None, {}
                )
            cells.append(Cell(("optimizer", "batch_size"), (optimizer, size), tuple(own)))
            runs += own
    experiment = Experiment(tmp_path, "many", {}, tuple(runs))
    by, empty = ("optimizer", "batch_size"), pd.DataFrame()
    material = Material(experiment, Settings(), by, "seed", tuple(cells), digests, empty, empty, {})
    parts = tuple(compose(SECTIONS[name], material) for name in ("traces", "learning", "data"))
    page = render_html(Document("many", (), parts))
    assert page.count(b'"grid"') >= 200 * len(names)
    assert len(page) < 5e6


@pytest.mark.parametrize("steps", [1, 3, 40])
def test_one_short_run_still_has_a_report(tmp_path, steps):
    simulate_run(tmp_path / "run", steps=steps)
    paths = write_report(tmp_path / "run", tmp_path / "out")
    assert "inconclusive" in paths.html.read_text()


def test_a_run_whose_name_is_markup_stays_text(tmp_path):
    name = "<script>alert(1)&#x27;$#import"
    folder = simulate_experiment(tmp_path / "x", batch_sizes=(50,), seeds=1, steps=60, name=name)
    simulate_run(folder / "<b>$x$", optimizer="<i>#1</i>", batch_size=50, seed=9, steps=60, diverges=True)
    paths = write_report(folder, tmp_path / "out")
    page = paths.html.read_text()
    assert "<script>alert" not in page
    assert "<i>#1" not in page
    assert "&lt;b&gt;$x$" in page
    printed = (part.extract_text() for part in PdfReader(paths.pdf).pages)
    assert any(name in text.replace("\u200b", "") for text in printed)


def test_numbers_of_one_are_followed_by_a_singular(tmp_path):
    values = np.random.default_rng(3).normal(size=300)
    values[100] = np.nan
    for folder, steps in (("short", 1), ("long", 300)):
        with RunWriter(
            tmp_path / folder / "r",
            attributes={"optimizer": "adam", "batch_size": 50, "seed": 0},
            configuration={},
            meta={},
        ) as run:
            run.record_series("train/first_logit", np.arange(1, steps + 1), np.zeros(steps), values[:steps])
            run.finish()
        document = compose_document(gather(open_experiment(tmp_path / folder), Settings()))
        text = re.sub(
            r"<[^>]*>", "", render_html(document).decode().split("<body", 1)[-1].split("<script")[0]
        )
        things = "runs|seeds|updates|values|configurations|optimizers|batch sizes|columns|signals|cells"
        assert re.findall(rf"(?<![\d,.] of )(?<![\d,.])\b1 (?:{things})\b", text) == []
        assert re.findall(rf"of 1 (?:{things})\b", text) == []
    assert "1 value of train/first_logit in 1 finished run; it is kept, counted" in text


def test_imported_runs_without_attributes_or_seed_are_reported(tmp_path):
    with RunWriter(tmp_path / "x" / "r", attributes={"note": "n"}, configuration={}, meta={}) as writer:
        for step in range(1, 50):
            writer.record(step, 1, "loss", 1.0 / step)
        writer.finish()
    paths = write_report(tmp_path / "x", tmp_path / "out", signal="loss")
    assert "unknown, batch unknown" in paths.html.read_text()


def test_an_unknown_signal_is_an_error_that_names_the_nearest(small, tmp_path):
    with pytest.raises(UnknownNameError) as error:
        write_report(small, tmp_path / "out", signal="train/los")
    assert str(error.value).startswith("unknown signal 'train/los'; did you mean 'train/loss'? Known: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("argument", "value", "sentence"),
    [
        ("margin", 0.0, "`margin` (=0.0) must be positive; 0.2 is usual."),
        ("margin", float("nan"), "`margin` (=nan) must be positive; 0.2 is usual."),
        ("level", 1.0, "`level` (=1.0) must lie between 0 and 1; 0.95 is usual."),
        ("jobs", 0, "`jobs` (=0) must be at least 1; leave it out for the default."),
    ],
)
def test_settings_out_of_range_are_one_sentence(small, tmp_path, argument, value, sentence):
    with pytest.raises(ArgumentError) as error:
        write_report(small, tmp_path / "out", **{argument: value})
    assert str(error.value) == sentence


def test_an_empty_folder_a_damaged_part_and_a_file_in_the_way_are_one_sentence(tmp_path):
    small = tmp_path / "small"
    simulate_run(small / "run", steps=3)
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreError, match="holds no runs"):
        write_report(tmp_path / "empty", tmp_path / "out")
    copy = shutil.copytree(small, tmp_path / "copy")
    part = next(copy.glob("*/traces/part-*.parquet"))
    part.write_bytes(part.read_bytes()[:200])
    with pytest.raises(StoreError, match="is damaged or half-written"):
        write_report(copy, tmp_path / "out")
    (tmp_path / "out").write_text("a file")
    with pytest.raises(StoreError, match="is a file; give a folder for the report"):
        write_report(small, tmp_path / "out")
    with pytest.raises(StoreError, match="cannot create the folder"):
        write_report(small, tmp_path / "out" / "below")
