"""Sections: what they say on complete, incomplete and broken experiments."""

import re

import numpy as np
import pandas as pd
import pytest

from tests.report.simulation import simulate_experiment, simulate_run
from tracekit.report.build import compose_document
from tracekit.report.document import Alert, Figure, Paragraph, Table, TraceFigure
from tracekit.report.faces.html import render_html
from tracekit.report.faces.pdf import inputs
from tracekit.report.material.gathering import gather
from tracekit.report.material.material import DEFAULT_SIGNAL, Settings
from tracekit.report.sections import SECTIONS, compose
from tracekit.report.sections.comparisons import headline
from tracekit.report.sections.layers import cell_map
from tracekit.report.sections.reproduction import fingerprint
from tracekit.traces import open_experiment


def said(section):
    """All words of a section's paragraphs, alerts and captions."""
    parts = []
    for block in section.blocks:
        parts.append("".join(getattr(span, "text", span) for span in getattr(block, "spans", ())))
        parts += [getattr(block, name, "") for name in ("title", "caption", "text")]
    return " ".join(parts)


def section(material, name):
    return compose(SECTIONS[name], material)


def alerts_of(folder):
    blocks = section(gather(open_experiment(folder), Settings()), "alerts").blocks
    return {block.title: block for block in blocks if isinstance(block, Alert)}


def test_the_first_sentence_answers_which_and_how_sure(material):
    lead = section(material, "verdict").blocks[0]
    assert isinstance(lead, Paragraph)
    assert lead.spans == (
        "1 of 2 configurations is stable: adam at batch size 100; "
        "1 of 2 configurations is unstable: sgd at batch size 100. "
        "Labels use 5 seeds per configuration.",
    )


def test_the_matrix_says_each_verdict_by_shape_and_word(material):
    matrix = next(block for block in section(material, "verdict").blocks if isinstance(block, Table))
    cells = {row[0].text: row[1] for row in matrix.rows}
    assert (cells["adam"].symbol, cells["adam"].text) == ("●", "stable")
    assert (cells["sgd"].symbol, cells["sgd"].text) == ("▲", "unstable")
    assert cells["sgd"].details[-2:] == ("4 of 5 seeds usable", "1 diverged")


def test_abstentions_and_too_few_seeds_are_visible(small):
    material = gather(open_experiment(small), Settings())
    assert {verdict.label for verdict in material.verdicts.values()} == {"inconclusive"}
    answer = "All 4 configurations are inconclusive: adam and sgd at batch sizes 50 and 100."
    assert section(material, "verdict").blocks[0].spans == (answer,)
    assert "4 configurations with fewer than 5 seeds" in alerts_of(small)


def test_a_diverged_run_is_named_with_its_reason(material):
    alert = next(block for block in section(material, "alerts").blocks if block.title == "1 run diverged")
    assert alert.tone == "error"
    assert "sgd-b100-s3 (update 400: loss is not finite at step 400)" in "".join(
        getattr(span, "text", span) for span in alert.spans
    )


@pytest.mark.parametrize("absent", ["train/first_logit", "train/loss", DEFAULT_SIGNAL])
def test_a_missing_signal_is_named_and_the_rest_is_there(tmp_path, absent):
    signals = {DEFAULT_SIGNAL, "train/first_logit", "train/loss", "train/accuracy"} - {absent}
    folder = simulate_experiment(tmp_path / "x", batch_sizes=(50,), steps=60, signals=sorted(signals))
    document = compose_document(gather(open_experiment(folder), Settings()))
    places = {part.name: part for part in document.sections}
    assert absent in said(places["alerts"])
    if absent != "train/loss":
        assert f"No run has recorded {absent}; record it" in said(places["traces"])
    assert any(isinstance(block, Figure) for block in places["learning"].blocks)


def test_without_any_known_signal_every_section_says_so(tmp_path):
    folder = tmp_path / "x"
    simulate_run(folder / "run", signals=["train/accuracy"], steps=40)
    document = compose_document(gather(open_experiment(folder), Settings()))
    places = {part.name: part for part in document.sections}
    assert "No configuration could be labelled." in said(places["verdict"])
    assert "Recorded are: eval/accuracy, eval/loss and train/accuracy." in said(places["verdict"])
    for name in (
        "traces",
        "bounds",
        "stationarity",
        "spectra",
        "dependence",
        "events",
        "comparisons",
        "metrics",
    ):
        assert DEFAULT_SIGNAL in said(places[name]), name
    assert "layer/grad_norm, layer/update_ratio" in said(places["layers"])


def test_unfinished_and_failed_runs_are_told_apart(tmp_path):
    folder = tmp_path / "x"
    simulate_run(folder / "a", seed=0, status="running")
    simulate_run(folder / "b", seed=1, status="failed")
    titles = alerts_of(folder)
    assert "1 run was unfinished when this report was written" in titles
    assert titles["1 run failed"].tone == "error"


def test_a_repeated_seed_and_a_gap_in_the_design_are_reported(tmp_path):
    folder = tmp_path / "x"
    simulate_run(folder / "a", optimizer="adam", batch_size=50, seed=0)
    simulate_run(folder / "b", optimizer="adam", batch_size=50, seed=0)
    simulate_run(folder / "c", optimizer="sgd", batch_size=100, seed=0)
    titles = alerts_of(folder)
    assert "A seed occurs more than once in adam, batch 50" in titles
    assert "adam, batch 100 and sgd, batch 50" in titles["Some combinations were not run"].spans[0]


def test_two_learning_rates_of_one_optimizer_are_two_rows(tmp_path):
    folder = tmp_path / "x"
    for rate in (0.001, 0.01):
        simulate_run(folder / f"lr{rate}", learning_rate=rate, steps=60)
    material = gather(open_experiment(folder), Settings())
    assert material.by == ("optimizer", "batch_size", "learning_rate")
    assert material.rows == ["adam, learning_rate 0.001", "adam, learning_rate 0.01"]


def test_the_fingerprint_follows_the_recorded_values(small, tmp_path):
    material = gather(open_experiment(small), Settings())
    first = fingerprint(material.experiment)
    assert first == fingerprint(material.experiment)
    changed = simulate_experiment(tmp_path / "small", drift=lambda *_: 0.1)
    assert first != fingerprint(gather(open_experiment(changed), Settings()).experiment)


def test_reproduction_shows_command_configuration_versions_and_commit(material):
    part = section(material, "reproduction")
    tables = {
        row[0].text: row[1].text for block in part.blocks if isinstance(block, Table) for row in block.rows
    }
    assert tables["dataset"] == "digits"
    assert tables["optimizers[0]"] == "adam: learning_rate 0.001"
    assert tables["batch_sizes"] == "100"
    assert tables["versions.numpy"] == "2.4.0"
    assert tables["git.commit"] == "0123456789abcdef0123456789abcdef01234567"
    assert tables["runs"] == "10: 1 diverged, 9 finished"
    assert "tracekit run --dataset digits" in said(part)


def test_the_comparison_begins_with_its_answer_and_what_keeps_it_open(material):
    part = section(material, "comparisons")
    (lead,) = part.blocks[0].spans
    assert part.blocks[0].lead
    assert lead == (
        "In all features of train/first_logit together, adam and sgd are unresolved at batch size 100. "
        "Most common reason for unresolved: 5 seeds allow a test but no claim; 10 are needed."
    )


def test_many_comparisons_are_counted_and_the_tables_stay_short():
    pairs = [(f"a{i}", f"b{i}", size) for i in range(12) for size in (50, 100, 150, 200)]
    found = pd.DataFrame(pairs, columns=["level_a", "level_b", "batch_size"]).assign(
        feature="all", answer="unresolved", reason="too few seeds"
    )
    assert headline(found, "s") == (
        "In all features of s together, 48 comparisons of two optimizers at one batch size gave 48 unresolved. "
        "Most common reason for unresolved: too few seeds."
    )


def test_the_paper_s_claims_wait_for_its_grid(material):
    (alert,) = section(material, "claims").blocks
    assert "no run has batch size 50, batch size 150 and batch size 200" in alert.spans[0]


def test_the_paper_s_claims_are_evaluated_on_its_grid(tmp_path):
    folder = simulate_experiment(tmp_path / "x", batch_sizes=(50, 100, 150, 200), seeds=1, steps=60)
    blocks = section(gather(open_experiment(folder), Settings()), "claims").blocks
    table = next(block for block in blocks if isinstance(block, Table))
    assert {row[1].text for row in table.rows} == {"unresolved"}
    assert "Of 9 claims, 9 unresolved" in said(section(gather(open_experiment(folder), Settings()), "claims"))


def test_heat_maps_name_their_layers_and_cells(tmp_path):
    from tracekit.traces import RunWriter

    for seed in range(2):
        with RunWriter(
            tmp_path / "x" / f"r{seed}",
            attributes={"optimizer": "adam", "batch_size": 50, "seed": seed},
            configuration={},
            meta={},
        ) as run:
            steps = np.arange(1, 201)
            for layer, level in (("conv1.weight", 1.0), ("linear1.weight", 10.0)):
                run.record_series("layer/grad_norm", steps, steps * 0, np.full(200, level), layer=layer)
            run.finish()
    material = gather(open_experiment(tmp_path / "x"), Settings(signal="layer/grad_norm"))
    table = cell_map(material, "layer/grad_norm", material.cells[0])
    assert table.index.tolist() == ["conv1.weight", "linear1.weight"]
    assert np.unique(table.to_numpy(), axis=1).tolist() == [[1.0], [10.0]]
    part = section(material, "layers")
    (figure,) = [block for block in part.blocks if isinstance(block, Figure)]
    assert "conv1.weight and linear1.weight over updates for adam, batch 50" in figure.panels[0].description
    assert "layer/step_size/q50" in str([block for block in part.blocks if isinstance(block, Alert)])


def test_no_backtick_reaches_the_page(tmp_path):
    folder = tmp_path / "x"
    for seed, status in enumerate(("finished", "running", "failed")):
        simulate_run(folder / f"adam-{seed}", seed=seed, status=status)
    document = compose_document(gather(open_experiment(folder), Settings()))
    page = re.sub(r"<(script|style).*?</\1>", "", render_html(document).decode(), flags=re.DOTALL)
    assert "<code>tracekit resume</code>" in page
    assert "`" not in page
    assert "`" not in inputs(document)["document"]


def test_axes_name_the_signal_and_the_unit_that_the_store_has_for_it(material):
    (figure,) = [block for block in section(material, "traces").blocks if isinstance(block, TraceFigure)]
    assert figure.units == {
        "train/first_logit": "train/first_logit, logit",
        "train/loss": "train/loss, nat",
        "eval/loss": "eval/loss, nat",
        # The simulation gives these no unit, as a store of format version 1 gives to none.
        "train/accuracy": "train/accuracy",
        "eval/accuracy": "eval/accuracy",
    }


def test_an_axis_that_would_be_too_long_has_two_lines(material, monkeypatch):
    monkeypatch.setattr("tracekit.traces.Experiment.unit", lambda self, name: "nat/logit")
    assert material.axis("probe/logits_grad/norm") == "probe/logits_grad/norm,\nnat/logit"
