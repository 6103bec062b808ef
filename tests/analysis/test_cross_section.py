"""The index of a recorded cross-section against movements of known size, and the labels that rest on it."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from tracekit_analysis import (  # fmt: skip
    AnalysisError,
    characterize,
    cross_sections,
    label,
    label_from_features,
    stability_index,
)
from tracekit_analysis.statistics import cross_section_index  # fmt: skip

NORMAL_05 = 1.6448536269514722


def runs(
    drift: float,
    jitter: float,
    *,
    seeds: int = 5,
    n: int = 800,
    status: str = "finished",
    unlike: float = 0.0,
) -> pd.DataFrame:
    """Return recorded quantiles whose bound drifts by index `drift` and shakes by `jitter` half-spreads of 2."""
    parts = []
    for seed in range(seeds):
        rng = np.random.default_rng([seed, 7])
        factor = math.exp(unlike * rng.standard_normal())
        u = (np.arange(n) + 0.5) / n
        late = np.maximum(u - 0.25, 0.0) / 0.75
        bound = -2.0 + 2.0 * factor * (
            drift * math.sqrt(12.0) * (late - 0.5) + jitter * rng.standard_normal(n)
        )
        values = {
            "probe/logits/q05": bound,
            "probe/logits/q50": np.zeros(n),
            "train/first_logit": rng.standard_normal(n),
        }
        for signal, value in values.items():
            parts.append(
                pd.DataFrame(
                    {
                        "run": f"r{seed}", "optimizer": "sgd", "batch_size": 32, "seed": seed, "status": status,
                        "step": np.arange(n), "signal": signal, "value": value,
                    }
                )
            )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def only(frame: pd.DataFrame, **arguments: object) -> pd.Series:
    (row,) = (row for _, row in label(frame, unit="cross_section", **arguments).iterrows())
    return row


def test_drift_and_jitter_of_known_size_are_told_apart():
    table = cross_sections(runs(0.3, 0.15, seeds=8, n=4000))
    assert table["index"].mean() == pytest.approx(math.hypot(0.3, 0.15), rel=0.03)
    assert table["drift"].mean() == pytest.approx(0.3, rel=0.03)
    assert table["jitter"].mean() == pytest.approx(0.15, rel=0.05)
    np.testing.assert_allclose(table["index"] ** 2, table["drift"] ** 2 + table["jitter"] ** 2)
    assert table["spread"].to_numpy() == pytest.approx(2.0, abs=0.15)


def test_it_is_the_index_of_a_value_drawn_anew_from_the_cross_section():
    """`stability_index` estimates with noise what the cross-section shows without."""
    rng = np.random.default_rng(0)
    n = 40_000
    level = 0.6 * NORMAL_05 * np.cumsum(rng.standard_normal(n)) / math.sqrt(n)
    drawn = stability_index(level[n // 4 :] + rng.standard_normal(n - n // 4))
    shown = cross_section_index(level - NORMAL_05, level)
    assert drawn.ci_low < shown.index < drawn.ci_high
    assert shown.spread == pytest.approx(drawn.spread, rel=0.05)


@pytest.mark.parametrize(("scale", "shift"), [(3.0, -7.0), (1e-200, 0.0), (1e200, 0.0)])
def test_units_and_origin_do_not_matter(scale, shift):
    rng = np.random.default_rng(1)
    bound, centre = -2 + 0.2 * rng.standard_normal(400), 0.1 * rng.standard_normal(400)
    plain = cross_section_index(bound, centre)
    other = cross_section_index(scale * bound + shift, scale * centre + shift)
    for name in ("index", "drift", "jitter"):
        assert getattr(other, name) == pytest.approx(getattr(plain, name), rel=1e-9)
    assert other.spread == pytest.approx(scale * plain.spread, rel=1e-9)


def test_the_first_quarter_is_left_out():
    bound = np.where(np.arange(800) < 200, 50.0, -2.0) + 0.01 * np.sin(np.arange(800))
    assert cross_section_index(bound, np.zeros(800)).index < 0.01


@pytest.mark.parametrize("stride", [3, 7])
def test_jitter_hardly_depends_on_how_often_it_is_recorded(stride):
    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(size=(50, 700)), axis=1) * 0.02
    bound = -2.0 + walk + 0.3 * rng.normal(size=walk.shape)
    ratios = [
        cross_section_index(line[::stride], np.zeros(line[::stride].size)).jitter
        / cross_section_index(line, np.zeros(line.size)).jitter
        for line in bound
    ]
    assert np.median(ratios) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize(
    ("bound", "centre", "status", "reason"),
    [
        (np.full(400, -1.0), np.zeros(400), "degenerate", "constant"),
        (np.arange(60.0), np.zeros(60), "inconclusive", "60 usable values; at least 64 are needed"),
        (np.sin(np.arange(80.0)), np.cos(np.arange(80.0)), "inconclusive",
         "fewer than 64 values after the first quarter"),
        (np.append(np.sin(np.arange(400.0)), np.inf), np.cos(np.arange(401.0)), "divergent", "not finite at value 400 of 401"),
    ],
)  # fmt: skip
def test_series_that_cannot_be_used_say_why(bound, centre, status, reason):
    found = cross_section_index(bound, centre)
    assert (found.status, found.n_used) == (status, 0)
    assert reason in found.reason
    assert math.isnan(found.index)


def test_labels_follow_the_planted_movement():
    still = only(runs(0.05, 0.02))
    assert (still["label"], still["jitter_label"], still["headline"]) == ("stable", "quiet", "stable")
    assert still["unit"] == "half-spreads of the cross-section"
    drifting = only(runs(0.5, 0.02))
    assert (drifting["label"], drifting["jitter_label"]) == ("unstable", "quiet")
    shaking = only(runs(0.0, 0.4))
    assert (shaking["label"], shaking["jitter_label"]) == ("unstable", "jittery")
    assert shaking["headline"].startswith("unstable, jittery")
    between = only(runs(0.0, 0.2, unlike=0.6))
    assert (between["label"], between["ci_low"] < 0.2 < between["ci_high"]) == ("inconclusive", True)


@pytest.mark.parametrize("seeds", [1, 2, 3, 4])
def test_few_seeds_describe(seeds):
    row = only(runs(0.5, 0.3, seeds=seeds))
    assert (row["label"], row["jitter_label"]) == ("inconclusive", "inconclusive")
    assert np.isfinite(row["index"])
    assert np.isfinite(row["ci_low"]) == (seeds >= 3)
    assert np.isfinite(row["jitter_ci_low"]) == (seeds >= 3)


def test_divergence_forbids_quiet_and_leads_when_it_is_the_half():
    frame = runs(0.02, 0.02, seeds=6)
    frame.loc[frame["seed"] == 0, "status"] = "diverged"
    assert only(frame)["jitter_label"] == "inconclusive"
    frame.loc[frame["seed"] <= 2, "status"] = "diverged"
    row = only(frame)
    assert (row["label"], row["jitter_label"]) == ("diverged", "diverged")


def test_from_features_it_is_the_same_and_missing_parts_are_named():
    frame = runs(0.3, 0.1)
    features = characterize(frame[frame["signal"] == "train/first_logit"])
    crossed = cross_sections(frame)
    by_series = label_from_features(features, cross_sections=crossed)
    pd.testing.assert_frame_equal(by_series, label(frame))
    assert by_series.loc[0, "jitter_label"] in ("inconclusive", "jittery", "quiet")
    by_cross = label_from_features(features, cross_sections=crossed, unit="cross_section")
    assert by_cross.loc[0, "index"] == only(frame)["index"]
    with pytest.raises(AnalysisError) as error:
        label_from_features(features, unit="cross_section")
    assert str(error.value) == (
        "`unit` (='cross_section') needs the argument `cross_sections`; pass the result of `cross_sections`."
    )
    with pytest.raises(AnalysisError) as error:
        label(frame[frame["signal"] != "probe/logits/q05"], unit="cross_section")
    assert str(error.value) == (
        "`signal` (='probe/logits') needs the signal 'probe/logits/q05'; "
        "recorded are 'probe/logits/q50', 'train/first_logit'."
    )
    assert label(frame[frame["signal"] == "train/first_logit"]).loc[0, "jitter_label"] == "not analysed"
