"""Claims as code: statements about configurations that data can support, refute or leave unresolved.

A claim is refuted by evidence of the contrary (equivalence, the opposite label), never by a test that
does not reject.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from tracekit_analysis.errors import bad_argument, require_choice
from tracekit_analysis.results import Record

Kind = Literal[
    "differ", "stable", "unstable", "labels differ", "interact", "positive control", "negative control"
]
KINDS: tuple[Kind, ...] = (
    "differ", "stable", "unstable", "labels differ", "interact", "positive control", "negative control",
)  # fmt: skip
Verdict = Literal["supported", "refuted", "unresolved"]


@dataclass(frozen=True, slots=True)
class Statement(Record):
    """Smallest part of a claim that data can decide."""

    kind: Kind
    """What is stated; see `Claim` for the rule of each kind."""
    levels: tuple[str, ...] = ()
    """Levels of the factor (optimizers) that it is about; empty for all in the data."""
    at: float | str | None = None
    """Level of the grid (batch size) that it is about; None for all in the data."""

    def __post_init__(self) -> None:
        require_choice("kind", self.kind, KINDS)
        wanted = {"differ": 2, "stable": 1, "unstable": 1}.get(self.kind)
        if wanted is not None and len(self.levels) != wanted:
            raise bad_argument("levels", self.levels, f"must name {wanted} level(s) for kind {self.kind!r}")

    def words(self) -> str:
        """Return the statement in words."""
        where = (
            ""
            if self.at is None
            else f" at {self.at:g}"
            if isinstance(self.at, (int, float))
            else f" at {self.at}"
        )
        who = " and ".join(self.levels)
        return {
            "differ": f"{who} differ{where}",
            "stable": f"{who} is stable{where}",
            "unstable": f"{who} is unstable{where}",
            "labels differ": "some cells are stable and others unstable",
            "interact": "the effect of one factor depends on the other",
            "positive control": f"{who or 'each optimizer'} differs at ten times its learning rate{where}",
            "negative control": f"two halves of the seeds of {who or 'each optimizer'} do not differ{where}",
        }[self.kind]

    def contradicts(self, other: Statement) -> bool:
        """Return whether the two statements cannot both be true."""
        return (
            {self.kind, other.kind} == {"stable", "unstable"}
            and self.levels == other.levels
            and self.at == other.at
        )


@dataclass(frozen=True, slots=True)
class Claim(Record):
    """Claim: statements that must all hold.

    Rules, for each cell that a statement is about:

    * stable, unstable: by the label of the cell, from 5 seeds on; the opposite label refutes; a diverged
      cell counts as unstable.
    * differ: supported if `compare` answers "different" for all features together, and neither level's
      negative control at that batch size is significant; refuted if it answers "equivalent".
    * labels differ: supported if one cell is stable and another unstable or diverged, refuted if all cells
      have the same one of these labels.
    * interact: supported if an interaction is shown in any feature; never refuted.
    * positive control: as differ, between learning rates.
    * negative control: supported if the halves are equivalent, refuted if they differ.

    A claim is supported if all its statements are, refuted if one is, and unresolved otherwise. Statements without
    runs are unresolved.

    Examples
    --------
    >>> from tracekit_analysis import Claim
    >>> from tracekit_analysis.claims import stable, unstable
    >>> calm = Claim("calm", "SGD is stable at 50 and 100.", stable("sgd", (50, 100)))
    >>> [statement.words() for statement in calm.statements]
    ['sgd is stable at 50', 'sgd is stable at 100']
    >>> calm.contradicts(Claim("wild", "SGD is unstable at 100.", unstable("sgd", (100,))))
    True
    """

    name: str
    """Name of the claim, short and unique."""
    text: str
    """What is claimed, in words."""
    statements: tuple[Statement, ...]
    """Statements that must hold."""
    source: str = ""
    """Source of the claim, such as a section of a paper."""

    def to_record(self) -> dict[str, object]:
        """Return one flat row with the statements in words."""
        words = "; ".join(statement.words() for statement in self.statements)
        return {"name": self.name, "text": self.text, "statements": words, "source": self.source}

    def contradicts(self, other: Claim) -> bool:
        """Return whether the two claims cannot both be supported."""
        return any(a.contradicts(b) for a, b in itertools.product(self.statements, other.statements))


def differ(first: str, second: str, at: Sequence[float | str] = ()) -> tuple[Statement, ...]:
    """Return the statements that two levels differ, at each given batch size or at all."""
    return tuple(Statement("differ", (first, second), one) for one in at or (None,))


def stable(level: str, at: Sequence[float | str] = ()) -> tuple[Statement, ...]:
    """Return the statements that a level is stable, at each given batch size or at all."""
    return tuple(Statement("stable", (level,), one) for one in at or (None,))


def unstable(level: str, at: Sequence[float | str] = ()) -> tuple[Statement, ...]:
    """Return the statements that a level is unstable, at each given batch size or at all."""
    return tuple(Statement("unstable", (level,), one) for one in at or (None,))


def contradictions(claims: Sequence[Claim]) -> pd.DataFrame:
    """Return the pairs of claims that cannot both hold, and the statements that contradict each other.

    Parameters
    ----------
    claims : sequence of Claim
        Claims to compare.

    Returns
    -------
    DataFrame
        Columns claim_a, claim_b, statement_a, statement_b; one row per contradiction.
    """
    rows = [
        {"claim_a": a.name, "claim_b": b.name, "statement_a": one.words(), "statement_b": other.words()}
        for a, b in itertools.combinations(claims, 2)
        for one, other in itertools.product(a.statements, b.statements)
        if one.contradicts(other)
    ]
    return pd.DataFrame.from_records(rows, columns=["claim_a", "claim_b", "statement_a", "statement_b"])


CONTROLS: tuple[Claim, ...] = (
    Claim(
        "positive control",
        "Runs at ten times the learning rate differ: the comparison finds the difference.",
        (Statement("positive control"),),
        "tracekit",
    ),
    Claim(
        "negative control",
        "Two halves of the seeds of one optimizer do not differ: the comparison finds no false difference.",
        (Statement("negative control"),),
        "tracekit",
    ),
)
"""Controls that each claim of a difference rests on."""

PAPER_CLAIMS: tuple[Claim, ...] = (
    Claim(
        "sgd and adam differ",
        "The traces of SGD and Adam differ at each of the batch sizes 50, 100, 150 and 200.",
        differ("sgd", "adam", (50, 100, 150, 200)),
        "the reference paper's general claim (H1)",
    ),
    Claim(
        "labels differ by cell",
        "Whether the lower bound is stable depends on optimizer and batch size.",
        (Statement("labels differ"),),
        "the reference paper's general claim (H2)",
    ),
    Claim(
        "batch size matters differently",
        "The effect of the batch size is not the same for SGD and for Adam.",
        (Statement("interact"),),
        "the reference paper's general claim (H3)",
    ),
    Claim(
        "V.B, panels",
        'The panels "2, 4, 6, 7" are stable: SGD at 100 and 200, Adam at 100 and 150, if panels 1 to 4 are SGD.',
        (*stable("sgd", (100, 200)), *stable("adam", (100, 150))),
        "Section V.B",
    ),
    Claim(
        "V.B, next sentence",
        'Panels "1 and 4" are stable for SGD (50 and 200) and "6 and 7" for Adam (100 and 150).',
        (*stable("sgd", (50, 200)), *stable("adam", (100, 150))),
        "Section V.B",
    ),
    Claim(
        "V.B, not stable",
        "SGD is not stable at 200, and Adam is not stable at 50 and 200.",
        (*unstable("sgd", (200,)), *unstable("adam", (50, 200))),
        "Section V.B",
    ),
    Claim(
        "VII, unstable",
        "SGD is unstable at 100 and 200, and Adam at 50 and 150.",
        (*unstable("sgd", (100, 200)), *unstable("adam", (50, 150))),
        "Section VII",
    ),
    *CONTROLS,
)
"""Claims of the reference paper, in all their versions (`contradictions` lists those that contradict each other), and
the controls. The paper shows one run per configuration and no test, so it decides none of the claims."""
