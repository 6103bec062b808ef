"""Evaluation of claims on recorded runs: supported, refuted or unresolved, with the evidence for each statement."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

import pandas as pd

from tracekit_analysis.claims.evidence import Evidence, gather_evidence
from tracekit_analysis.claims.statements import PAPER_CLAIMS, Claim, Statement, Verdict
from tracekit_analysis.comparisons.seed_tables import MATCHES, Match
from tracekit_analysis.errors import bad_argument, require_choice
from tracekit_analysis.results import Record
from tracekit_analysis.seeds.arrangements import N_PERMUTATIONS, Randomness, as_seed
from tracekit_analysis.seeds.equivalence import EQUIVALENCE_MARGIN
from tracekit_analysis.statistics.bounds import MARGIN
from tracekit_analysis.tables.configurations import comparison, configurations, require_one_configuration
from tracekit_analysis.tables.runs import DEFAULT_SIGNAL, require_column

ALL_PARTS = "all"


@dataclass(frozen=True, slots=True)
class ClaimRow(Record):
    """Answer to a claim, or to one statement in one cell."""

    claim: str
    """Name of the claim."""
    part: str
    """``all`` for the claim as a whole, otherwise the statement in words."""
    verdict: Verdict
    """supported, refuted or unresolved."""
    estimate: float
    """Number behind the answer: stability index, energy distance or F; NaN for whole claims."""
    ci_low: float
    """Lower end of its interval."""
    ci_high: float
    """Upper end of its interval."""
    unit: str
    """Unit of the estimate."""
    pvalue: float
    """P-value, where there is one."""
    pvalue_adjusted: float
    """The same, adjusted over `family`."""
    effect_size: float
    """R squared, where there is one."""
    n_seeds: float
    """Seeds of the smallest cell."""
    family: str
    """Correction for multiple tests, and the family of tests it covers."""
    family_size: float
    """Number of tests in the family; it and the next two fields are NaN for whole claims and for labels, which rest
    on an interval."""
    smallest_pvalue: float
    """Smallest p-value that these seeds can give."""
    detectable_effect: float
    """Smallest effect detected with power .8: in between-seed sd for a difference, partial R squared for an
    interaction."""
    method: str
    """How the answer was decided."""
    contradicts: str
    """Names of the other claims that contradict this one."""
    source: str
    """Source of the claim, such as a section of a paper."""
    sentence: str
    """The answer and its evidence in one or two sentences."""


def evaluate_claims(
    frame: pd.DataFrame,
    claims: Sequence[Claim] = PAPER_CLAIMS,
    *,
    by: str | Sequence[str] | None = None,
    factor: str | None = None,
    at: str | None = None,
    signal: str = DEFAULT_SIGNAL,
    replicate: str | None = None,
    match: Match = "equal",
    base: Mapping[str, float] | None = None,
    index_margin: float = MARGIN,
    margin: float = EQUIVALENCE_MARGIN,
    level: float = 0.95,
    n_permutations: int = N_PERMUTATIONS,
    rng: Randomness = 0,
) -> pd.DataFrame:
    """Evaluate claims on recorded runs.

    `Claim` states the rules. If an optimizer was run at several learning rates, the claims are about
    `base`, by default the smallest one, and the positive control about ten times that. With fewer than 5
    seeds per cell each answer is "unresolved"; from 5 on labels can decide; differences, equivalence and
    interactions need 10 seeds to be supported or refuted, the negative control 20 (10 in each half).

    Parameters
    ----------
    frame : DataFrame
        Tidy table of traces, or the result of `characterize` on one.
    claims : sequence of Claim
        Claims to evaluate; by default those of the reference paper, with the controls.
    by, factor, at, signal, replicate, match
        As for `compare`; `at` is one column here. Traces that are cut are cut for the labels too.
    base : mapping, optional
        For each level of `factor`, the learning rate that the claims are about.
    index_margin : float
        Largest stability index that counts as stable, in half-spreads.
    margin, level, n_permutations, rng
        As for `compare`.

    Returns
    -------
    DataFrame
        For each claim, one row for the whole claim and one per statement and cell: the fields of `ClaimRow`.

    Raises
    ------
    AnalysisError
        As for `compare` and `label`; also if two claims share a name.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from tracekit_analysis import Claim, characterize, claims, evaluate_claims
    >>> traces = pd.DataFrame({"seed": np.repeat(range(5), 600), "step": np.tile(range(600), 5)})
    >>> traces["value"] = np.random.default_rng(0).standard_normal(3000)
    >>> traces = traces.assign(optimizer="sgd", batch_size=50, signal="train/first_logit")
    >>> calm = Claim("calm", "SGD is stable.", claims.stable("sgd"))
    >>> evaluate_claims(characterize(traces, preset="minimal"), [calm])[["part", "verdict", "n_seeds"]]
                      part    verdict  n_seeds
    0                  all  supported        5
    1  sgd is stable at 50  supported        5
    """
    names = [claim.name for claim in claims]
    if len(set(names)) < len(names):
        raise bad_argument("claims", names, "must have different names")
    require_choice("match", match, MATCHES)
    if by is None and factor is None and at is None:
        factor, at = "optimizer", "batch_size"
        if {"step", "value"} <= set(frame.columns):
            known = (factor, at, "learning_rate")
            require_one_configuration(configurations(frame), known, "the claims")
    frame, factor, strata, replicate = comparison(frame, by=by, factor=factor, at=at, replicate=replicate)
    if len(strata) != 1:
        raise bad_argument("by", by, "must be two columns: what is compared, and within what")
    (at,) = strata
    for name in (factor, at, replicate, "signal"):
        require_column(frame, name)
    evidence = gather_evidence(
        frame, factor=factor, at=at, signal=signal, replicate=replicate, match=match, base=base,
        index_margin=index_margin, margin=margin, level=level, n_permutations=n_permutations, seed=as_seed(rng),
    )  # fmt: skip
    rows = [row for claim in claims for row in _claim_rows(claim, claims, evidence)]
    columns = [field.name for field in fields(ClaimRow)]
    return pd.DataFrame.from_records([row.to_record() for row in rows], columns=columns)


def _claim_rows(claim: Claim, claims: Sequence[Claim], evidence: Evidence) -> list[ClaimRow]:
    against = ", ".join(other.name for other in claims if other is not claim and claim.contradicts(other))
    parts = [part for statement in claim.statements for part in _RULES[statement.kind](statement, evidence)]
    counts = {v: sum(part.verdict == v for part in parts) for v in ("supported", "refuted", "unresolved")}
    verdict: Verdict = "unresolved"
    if counts["refuted"]:
        verdict = "refuted"
    elif parts and counts["supported"] == len(parts):
        verdict = "supported"
    shares = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "no runs to decide it"
    fared = (
        f"Its one statement is {verdict}." if len(parts) == 1 else f"Of {len(parts)} statements: {shares}."
    )
    also = f" It contradicts: {against}." if against else ""
    sizes = [part.n_seeds for part in parts if math.isfinite(part.n_seeds)]
    whole = ClaimRow(
        claim=claim.name,
        part=ALL_PARTS,
        verdict=verdict,
        estimate=math.nan,
        ci_low=math.nan,
        ci_high=math.nan,
        unit="",
        pvalue=math.nan,
        pvalue_adjusted=math.nan,
        effect_size=math.nan,
        n_seeds=min(sizes, default=math.nan),
        family="",
        family_size=math.nan,
        smallest_pvalue=math.nan,
        detectable_effect=math.nan,
        method="all statements must hold",
        contradicts=against,
        source=claim.source,
        sentence=f'{verdict[0].upper()}{verdict[1:]}: "{claim.text}" {fared}{also}',
    )
    return [whole, *(_named(part, claim, against) for part in parts)]


@dataclass(frozen=True, slots=True)
class Part:
    """One statement decided in one cell."""

    words: str
    """The statement, with its cell."""
    verdict: Verdict
    """supported, refuted or unresolved."""
    why: str
    """The evidence in one clause."""
    estimate: float = math.nan
    """From here on, the fields are those of `ClaimRow`."""
    ci_low: float = math.nan
    ci_high: float = math.nan
    unit: str = ""
    pvalue: float = math.nan
    pvalue_adjusted: float = math.nan
    effect_size: float = math.nan
    n_seeds: float = math.nan
    family: str = ""
    method: str = ""
    family_size: float = math.nan
    smallest_pvalue: float = math.nan
    detectable_effect: float = math.nan


def _named(part: Part, claim: Claim, against: str) -> ClaimRow:
    values = {
        field.name: getattr(part, field.name) for field in fields(Part) if field.name not in ("words", "why")
    }
    sentence = f"{part.verdict[0].upper()}{part.verdict[1:]}: {part.words}; {part.why}."
    return ClaimRow(
        claim=claim.name,
        part=part.words,
        contradicts=against,
        source=claim.source,
        sentence=sentence,
        **values,
    )


def _labelled(statement: Statement, evidence: Evidence) -> list[Part]:
    """Decide stable and unstable from the labels of the cells."""
    cells = _rows_of(evidence.labels, statement, evidence)
    if cells.empty:
        return [Part(statement.words(), "unresolved", "there are no runs")]
    parts = []
    for _, cell in cells.iterrows():
        found = {"diverged": "unstable"}.get(cell["label"], cell["label"])
        verdict: Verdict = "unresolved" if found == "inconclusive" else "refuted"
        if found == statement.kind:
            verdict = "supported"
        parts.append(
            Part(
                Statement(statement.kind, statement.levels, cell[evidence.at]).words(),
                verdict,
                f"the cell is {cell['label']}: {cell['reason']} ({cell['n_seeds']} seeds)",
                cell["index"],
                cell["ci_low"],
                cell["ci_high"],
                "half-spreads",
                n_seeds=cell["n_seeds"],
                method=cell["method"],
            )
        )
    return parts


def _differing(statement: Statement, evidence: Evidence) -> list[Part]:
    """Decide whether two optimizers differ; if a negative control fails in the cell, the answer is unresolved."""
    rows = evidence.pairs
    wanted = set(statement.levels)
    theirs = [{a, b} == wanted for a, b in zip(rows["level_a"], rows["level_b"], strict=True)]
    rows = rows[pd.Series(theirs, index=rows.index, dtype=bool)]
    rows = rows if statement.at is None else rows[rows[evidence.at] == statement.at]
    if rows.empty:
        return [Part(statement.words(), "unresolved", "no cell has runs of both")]
    parts = []
    for _, row in rows.iterrows():
        words = Statement("differ", statement.levels, row[evidence.at]).words()
        part = _compared(words, row, "supported", "refuted")
        controls = evidence.halves
        if part.verdict == "supported" and not controls.empty:
            here = controls[
                (controls[evidence.at] == row[evidence.at])
                & controls[evidence.factor].astype(str).isin(statement.levels)
            ]
            failed = here[here["pvalue_adjusted"] <= evidence.alpha]
            if len(failed):
                part = _compared(words, row, "unresolved", "refuted")
        parts.append(part)
    return parts


def _controlled(statement: Statement, evidence: Evidence) -> list[Part]:
    """Decide the controls: a difference between learning rates, and none between halves of the seeds."""
    positive = statement.kind == "positive control"
    table = evidence.rates if positive else evidence.halves
    rows = _rows_of(table, statement, evidence)
    if rows.empty:
        why = "there are no runs at ten times the learning rate" if positive else "there are too few seeds"
        return [Part(statement.words(), "unresolved", why)]
    parts = []
    for _, row in rows.iterrows():
        words = Statement(statement.kind, (str(row[evidence.factor]),), row[evidence.at]).words()
        different: Literal["supported", "refuted"] = "supported" if positive else "refuted"
        parts.append(_compared(words, row, different, "refuted" if positive else "supported"))
    return parts


def _compared(words: str, row: pd.Series, if_different: Verdict, if_equivalent: Verdict) -> Part:
    verdict = {"different": if_different, "equivalent": if_equivalent}.get(row["answer"], "unresolved")
    control = ", but a negative control fails here" if if_different == "unresolved" else ""
    return Part(
        words, verdict, f"{row['answer']}{control}: {row['reason']}", row["estimate"], row["ci_low"],
        row["ci_high"], row["unit"], row["pvalue"], row["pvalue_adjusted"], row["effect_size"],
        row["n_seeds"], row["family"], row["method"], row["family_size"], row["smallest_pvalue"],
        row["detectable_effect"],
    )  # fmt: skip


def _labels_differ(statement: Statement, evidence: Evidence) -> list[Part]:
    labels = evidence.labels["label"].replace({"diverged": "unstable"})
    counts = {name: int((labels == name).sum()) for name in ("stable", "unstable", "inconclusive")}
    verdict: Verdict = "unresolved"
    if counts["stable"] and counts["unstable"]:
        verdict = "supported"
    elif len(labels) > 1 and not counts["inconclusive"]:
        verdict = "refuted"
    why = f"of {len(labels)} cells, " + ", ".join(f"{count} are {name}" for name, count in counts.items())
    sizes = evidence.labels["n_seeds"]
    return [Part(statement.words(), verdict, why, n_seeds=float(sizes.min()), method="labels of the cells")]


def _interacting(statement: Statement, evidence: Evidence) -> list[Part]:
    table = evidence.interactions
    if table.empty:
        return [Part(statement.words(), "unresolved", "there are too few cells")]
    best = table.sort_values("pvalue_adjusted", kind="stable", na_position="last").iloc[0]
    verdict: Verdict = "supported" if (table["answer"] == "interaction").any() else "unresolved"
    return [
        Part(
            statement.words(),
            verdict,
            f"clearest in {best['feature']}: {best['reason']}",
            best["estimate"],
            pvalue=best["pvalue"],
            pvalue_adjusted=best["pvalue_adjusted"],
            unit="F",
            effect_size=best["effect_size"],
            n_seeds=best["n_seeds"],
            family=best["family"],
            method=best["method"],
            family_size=best["family_size"],
            smallest_pvalue=best["smallest_pvalue"],
            detectable_effect=best["detectable_effect"],
        )
    ]


_RULES: dict[str, Callable[[Statement, Evidence], list[Part]]] = {
    "stable": _labelled,
    "unstable": _labelled,
    "differ": _differing,
    "labels differ": _labels_differ,
    "interact": _interacting,
    "positive control": _controlled,
    "negative control": _controlled,
}


def _rows_of(table: pd.DataFrame, statement: Statement, evidence: Evidence) -> pd.DataFrame:
    rows = table
    if statement.levels:
        rows = rows[rows[evidence.factor].astype(str).isin(statement.levels)]
    return rows if statement.at is None else rows[rows[evidence.at] == statement.at]
