"""Claims as code: verdicts on grids with planted truth, the paper's claims and their contradictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.analysis.processes import NORMAL_05, autoregressive, iid, level_break, random_walk, traces
from tracekit_analysis import AnalysisError, Claim, characterize, evaluate_claims, sentences, to_latex
from tracekit_analysis.claims import (
    CONTROLS,
    PAPER_CLAIMS,
    Statement,
    contradictions,
    differ,
    stable,
    unstable,
)

UNSTABLE = level_break(1.2 * NORMAL_05)  # index 0.6


def cell(process, optimizer, batch_size, *, seeds=10, rate=0.1):
    frame = traces(process, optimizer=optimizer, batch_size=batch_size, seeds=seeds, n=600)
    return frame.assign(learning_rate=rate, run=frame["run"] + f"-{rate}")


@pytest.fixture(scope="module")
def features():
    """Statistics of a grid: SGD white and stable; Adam correlated, unstable at 50; at ten times the rate walks.

    Twelve seeds at SGD's 50: a walk of 600 values may be too correlated for an index, and a claim needs ten seeds.
    """
    cells = [cell(iid, "sgd", 50, seeds=12), cell(iid, "sgd", 100)]
    cells += [cell(UNSTABLE, "adam", 50), cell(autoregressive(0.6), "adam", 100)]
    cells += [cell(random_walk, "sgd", 50, seeds=12, rate=1.0)]
    return characterize(pd.concat(cells, ignore_index=True))


def verdicts(features, *claims, **arguments):
    table = evaluate_claims(features, claims, n_permutations=299, **arguments)
    return table[table["part"] == "all"].set_index("claim")["verdict"].to_dict()


def test_planted_truth(features):
    found = verdicts(
        features,
        Claim("differ", "", differ("sgd", "adam", (50, 100))),
        Claim("differ everywhere", "", differ("adam", "sgd")),
        Claim("right", "", (*stable("sgd", (50, 100)), *unstable("adam", (50,)))),
        Claim("half right", "", (*stable("sgd", (50, 100)), *stable("adam", (50,)))),
        Claim("not run", "", stable("sgd", (150,))),
        Claim("labels", "", (Statement("labels differ"),)),
        Claim("interaction", "", (Statement("interact"),)),
        Claim("no such optimizer", "", differ("sgd", "lion")),
        *CONTROLS,
    )
    assert found == {
        "differ": "supported",
        "differ everywhere": "supported",
        "right": "supported",
        "half right": "refuted",
        "not run": "unresolved",
        "labels": "supported",
        "interaction": "supported",
        "no such optimizer": "unresolved",
        "positive control": "supported",
        "negative control": "unresolved",
    }


def test_every_part_has_its_evidence_in_a_sentence(features):
    table = evaluate_claims(features, n_permutations=99)
    assert table[table["part"] == "all"]["claim"].tolist() == [claim.name for claim in PAPER_CLAIMS]
    row = table[table["part"] == "adam is unstable at 50"].iloc[0]
    assert row["verdict"] == "supported"
    assert row["sentence"].startswith(
        "Supported: adam is unstable at 50; the cell is unstable: the 95% interval of the index, "
    )
    assert row["ci_low"] > 0.2
    missing = table[table["part"] == "sgd is stable at 200"].iloc[0]
    assert missing["sentence"] == "Unresolved: sgd is stable at 200; there are no runs."
    assert len(sentences(table)) == len(table)
    assert "supported" in to_latex(table, columns=["claim", "part", "verdict", "pvalue_adjusted"])


def test_the_papers_versions_contradict_each_other():
    table = contradictions(PAPER_CLAIMS)
    pairs = set(zip(table["claim_a"], table["claim_b"], strict=True))
    assert pairs == {
        ("V.B, panels", "V.B, not stable"),
        ("V.B, panels", "VII, unstable"),
        ("V.B, next sentence", "V.B, not stable"),
        ("V.B, next sentence", "VII, unstable"),
    }
    assert "sgd is stable at 200" in table["statement_a"].tolist()


def test_contradicting_claims_are_never_both_supported(features):
    table = evaluate_claims(features, n_permutations=99)
    whole = table[table["part"] == "all"].set_index("claim")
    for a, b in zip(*(contradictions(PAPER_CLAIMS)[name] for name in ("claim_a", "claim_b")), strict=True):
        assert "supported" not in (whole.loc[a, "verdict"], whole.loc[b, "verdict"]) or (
            whole.loc[a, "verdict"] != whole.loc[b, "verdict"]
        )
    assert whole.loc["VII, unstable", "contradicts"] == "V.B, panels, V.B, next sentence"


def test_a_failed_negative_control_takes_support_away():
    frame = pd.concat(
        [cell(iid, "sgd", 50, seeds=12), cell(autoregressive(0.8), "adam", 50, seeds=12)], ignore_index=True
    )
    late = (frame["optimizer"] == "adam") & (frame["seed"] >= 6)
    frame.loc[late, "value"] = 50.0 * np.random.default_rng(0).standard_normal(late.sum())
    claim = Claim("differ", "", differ("sgd", "adam", (50,)))
    table = evaluate_claims(frame, [claim, CONTROLS[1]], n_permutations=999)
    assert table.set_index("claim").loc["differ", "verdict"].tolist() == ["unresolved", "unresolved"]
    assert "a negative control fails here" in table["sentence"].iloc[1]


def test_equal_optimizers_refute_a_difference():
    rng = np.random.default_rng(0)
    frame = pd.concat([cell(iid, name, 50, seeds=5) for name in ("sgd", "adam")], ignore_index=True)
    features = characterize(frame)
    many = pd.concat(
        [features.assign(seed=features["seed"] + 5 * k, run=features["run"] + f"-{k}") for k in range(16)]
    )
    numbers = many.select_dtypes("float").columns
    many[numbers] = np.exp(0.3 * rng.standard_normal((len(many), len(numbers))))
    claim = Claim("differ", "", differ("sgd", "adam"))
    assert verdicts(many.assign(learning_rate=0.1), claim) == {"differ": "refuted"}


def test_evidence_says_its_family_and_what_could_have_been_seen(features):
    claims = [
        Claim("differ", "", differ("sgd", "adam", (50, 100))),
        Claim("interaction", "", (Statement("interact"),)),
    ]
    table = evaluate_claims(
        features, [*claims, Claim("stable", "", stable("sgd", (50,)))], n_permutations=299
    )
    parts = table[table["part"] != "all"].set_index("part")
    differing = parts.loc["sgd and adam differ at 50"]
    assert differing["family_size"] == 2
    assert differing["smallest_pvalue"] == 2 / 2**10
    assert 0.1 < differing["detectable_effect"] < 3.0
    interacting = parts.loc["the effect of one factor depends on the other"]
    assert 0.0 < interacting["detectable_effect"] < 1.0
    numbers = ["family_size", "smallest_pvalue", "detectable_effect"]
    assert parts.loc["sgd is stable at 50", numbers].isna().all()
    assert table.loc[table["part"] == "all", numbers].isna().all(axis=None)


def test_runs_of_different_lengths_are_refused_or_cut():
    frame = pd.concat([cell(iid, "sgd", 50, seeds=3), cell(iid, "adam", 50, seeds=3)], ignore_index=True)
    frame = frame[(frame["optimizer"] == "adam") | (frame["step"] < 400)]
    claims = [Claim("differ", "", differ("sgd", "adam")), Claim("stable", "", stable("adam"))]
    with pytest.raises(AnalysisError) as error:
        evaluate_claims(frame, claims)
    assert "pass the traces with match='updates' or match='epochs', or match='none'" in str(error.value)
    cut = evaluate_claims(frame, claims, match="updates", n_permutations=99)
    parts = cut[cut["part"] != "all"]
    assert parts["method"].str.endswith("; runs cut to as many updates as the shortest").all()
    short = evaluate_claims(frame[frame["step"] < 400], claims, n_permutations=99)
    pd.testing.assert_series_equal(cut["estimate"], short["estimate"])
    whole = evaluate_claims(frame, claims, match="none", n_permutations=99)
    assert whole["method"].tolist()[1].endswith("; lengths of runs not matched")
    with pytest.raises(AnalysisError) as error:
        evaluate_claims(characterize(frame), claims, match="epochs")
    assert (
        str(error.value) == "`match` (='epochs') needs traces; pass the traces instead of their statistics."
    )


@pytest.mark.parametrize("seeds", [1, 2, 3, 4])
def test_few_seeds_decide_nothing(seeds):
    frame = pd.concat(
        [cell(iid, "sgd", b, seeds=seeds) for b in (50, 100)]
        + [cell(UNSTABLE, "adam", b, seeds=seeds) for b in (50, 100)],
        ignore_index=True,
    )
    table = evaluate_claims(frame, n_permutations=99)
    assert (table["verdict"] == "unresolved").all()


def test_bytes_repeat(features):
    first, second = (evaluate_claims(features, n_permutations=99).to_csv() for _ in range(2))
    assert first == second


def test_the_base_learning_rate_may_be_named(features):
    claim = Claim("walks", "", unstable("sgd", (50,)))
    assert verdicts(features, claim) == {"walks": "refuted"}
    assert verdicts(features, claim, base={"sgd": 1.0}) == {"walks": "supported"}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda f: evaluate_claims(f, [CONTROLS[0], CONTROLS[0]]), "`claims` (=['positive control', 'positive control']) must have different names."),
        (lambda f: evaluate_claims(f, signal="loss"), "`signal` (='loss') must be a recorded signal; recorded are 'train/first_logit'."),
        (lambda f: evaluate_claims(f, base={"sgd": 7.0, "adam": 7.0}), "`base` (={'sgd': 7.0, 'adam': 7.0}) must be learning rates that were run."),
        (lambda f: Statement("differ", ("sgd",)), "`levels` (=('sgd',)) must name 2 level(s) for kind 'differ'."),
        (lambda f: Statement("better"), "`kind` (='better') must be one of 'differ', 'stable', 'unstable', 'labels differ', 'interact', 'positive control', 'negative control'."),
    ],
)  # fmt: skip
def test_wrong_input_gets_one_sentence(features, call, sentence):
    with pytest.raises(AnalysisError) as error:
        call(features)
    assert str(error.value) == sentence


def test_latex_escapes_and_rounds_but_the_table_keeps_its_digits():
    table = pd.DataFrame(
        {"a_b": ["50 % & more"], "p": [0.0123456], "n": [3], "x": [np.nan], "up": [np.inf], "yes": [True]}
    )
    assert to_latex(table, caption="A & B") == (
        "\\begin{table}\n\\centering\n\\caption{A \\& B}\n\\begin{tabular}{lrrrrr}\n\\toprule\na\\_b & p & n & x & up & yes \\\\\n"
        "\\midrule\n50 \\% \\& more & $0.0123$ & $3$ & -- & $\\infty$ & yes \\\\\n\\bottomrule\n\\end{tabular}\n\\end{table}\n"
    )
    assert table["p"].item() == 0.0123456
    small = pd.DataFrame({"p": [1e-5, -2.5e-12, -np.inf, 123456.0]})
    cells = [line.split(" ")[0:-1] for line in to_latex(small).splitlines()[4:8]]
    assert [" ".join(cell) for cell in cells] == [
        r"$1 \times 10^{-5}$", r"$-2.5 \times 10^{-12}$", r"$-\infty$", r"$1.23 \times 10^{5}$"
    ]  # fmt: skip
    with pytest.raises(AnalysisError) as error:
        to_latex(table, digits=0)
    assert str(error.value) == "`digits` (=0) must be a whole number of at least 1."
    with pytest.raises(AnalysisError) as error:
        sentences(table)
    assert str(error.value).startswith("`frame` (='1 rows') must have a column 'sentence'")
