"""Alerts on runs with planted faults: each is found, and calm runs raise none of them."""

import numpy as np
import pytest

from tracekit.report.material.gathering import gather
from tracekit.report.material.material import Settings
from tracekit.report.sections import SECTIONS, compose
from tracekit.traces import RunWriter, open_experiment

N = 600


def noise(seed=0):
    return np.random.default_rng(seed).normal(size=N)


def store(folder, values, *, steps=None, layers=(), meta=None, seeds=range(5)):
    """Write runs of the deciding signal; `values` is a function of the seed."""
    for seed in seeds:
        with RunWriter(
            folder / f"adam-b50-s{seed}",
            attributes={"optimizer": "adam", "batch_size": 50, "seed": seed},
            configuration={},
            meta=meta or {},
        ) as run:
            at = np.arange(1, N + 1) if steps is None else steps
            run.record_series("train/first_logit", at, np.zeros(at.size), values(seed)[: at.size])
            for name, layer, line in layers:
                run.record_series(name, np.arange(1, N + 1), np.zeros(N), line, layer=layer)
            run.finish()
    return folder


def alerts(folder):
    blocks = compose(SECTIONS["alerts"], gather(open_experiment(folder), Settings())).blocks
    return {
        block.title: "".join(getattr(span, "text", span) for span in block.spans)
        for block in blocks
        if hasattr(block, "title")
    }


def spiky(seed):
    values = noise(seed)
    values[[200, 350, 500]] = 25.0
    return values


def interleaved(seed):
    return noise(seed) * np.tile([0.2, 1.0, 5.0], N // 3)


def persistent(seed, d=0.4):
    """Long memory: ADF rejects a unit root, and cosine-KPSS a constant level, in some of the series."""
    weights = np.cumprod(np.r_[1.0, (np.arange(1, 2000) - 1 + d) / np.arange(1, 2000)])
    return np.convolve(np.random.default_rng(seed).normal(size=N + 2000), weights, "valid")[:N]


PLANTED = {
    "Spikes in 5 runs": {"values": spiky},
    "Interleaved channels in 5 runs": {"values": interleaved},
    "Updates are missing from the recording": {
        "values": noise,
        "steps": np.delete(np.arange(1, N + 1), [100, 101, 102]),
    },
    "Dead units in 5 runs": {"values": noise, "layers": [("layer/relu/dead", "relu1", np.full(N, 0.8))]},
    "Contradictory stationarity tests in": {"values": persistent},
    "Imported with loss: 5 runs": {
        "values": noise,
        "meta": {"loss_of_information": "the source kept 500 points of each series"},
    },
}


@pytest.mark.parametrize("title", PLANTED)
def test_a_planted_fault_is_found(tmp_path, title):
    found = alerts(store(tmp_path / "x", **PLANTED[title]))
    assert [name for name in found if name.startswith(title)], found


def test_calm_runs_raise_none_of_them(tmp_path):
    alive = [("layer/relu/dead", "relu1", np.full(N, 0.1))]
    found = alerts(store(tmp_path / "x", noise, layers=alive))
    assert not [name for name in found for title in PLANTED if name.startswith(title)], found


def test_what_an_importer_lost_is_repeated_in_its_own_words(tmp_path):
    meta = {"loss_of_information": ["values were rounded to 3 digits"]}
    found = alerts(store(tmp_path / "x", noise, meta=meta, seeds=range(1)))
    assert found["Imported with loss: 1 run"] == "values were rounded to 3 digits (adam-b50-s0)"


def test_values_that_doctor_struck_off_are_an_alert(tmp_path):
    from tracekit.traces.doctor import examine, quarantine

    folder = tmp_path / "x" / "adam-b50-s0"
    with RunWriter(
        folder, attributes={"optimizer": "adam", "batch_size": 50, "seed": 0}, configuration={}, meta={}
    ) as run:
        for first in (1, 51):
            for step in range(first, first + 50):
                run.record(step, 1, "train/first_logit", float(step % 7))
            run.flush(wait=True)
        run.finish("interrupted")  # a run that finished has one part
    part = sorted(folder.glob("traces/part-*.parquet"))[1]
    part.write_bytes(part.read_bytes()[:100])
    quarantine(examine(tmp_path / "x"))
    found = alerts(tmp_path / "x")
    assert found["1 run has lost values"] == (
        "50 recorded values could not be read, and tracekit doctor --quarantine removed them; the numbers in this "
        "report do not allow for that: adam-b50-s0 (updates 51 to 100, 50 values)."
    )
    assert "1 run has lost values" not in alerts(store(tmp_path / "y", noise, seeds=range(1)))
