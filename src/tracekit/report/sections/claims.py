"""Claims section: the reference paper's claims, evaluated on these runs as supported, refuted or unresolved."""

from __future__ import annotations

from typing import Literal

from tracekit.report.document import (
    Alert,
    Block,
    Column,
    Listing,
    Table,
    count,
    enumerate_words,
    paragraph,
    without_backticks,
    words,
)
from tracekit.report.material.comparing import claims_of
from tracekit.report.material.material import Material
from tracekit.report.sections import section

_TONES: dict[str, Literal["stable", "unstable", "inconclusive"]] = {
    "supported": "stable",
    "refuted": "unstable",
    "unresolved": "inconclusive",
}

#: What the reference paper ran.
_OPTIMIZERS, _BATCH_SIZES = {"sgd", "adam"}, {50, 100, 150, 200}


@section("claims", title="The reference paper's claims", order=75)
def claims(material: Material) -> list[Block]:
    """Evaluate the claims if the paper's grid was run; else name what is missing."""
    material.require(material.settings.signal)
    optimizers = {str(cell.key[0]) for cell in material.cells}
    sizes = {cell.batch_size for cell in material.cells}
    absent = [f"optimizer {name}" for name in sorted(_OPTIMIZERS - optimizers)]
    absent += [f"batch size {size}" for size in sorted(_BATCH_SIZES - sizes)]
    if absent:
        return [
            Alert(
                "note",
                "Not evaluated: the paper's grid was not run",
                (
                    f"The paper's claims are about SGD and Adam at batch sizes 50, 100, 150 and 200; no run has "
                    f"{enumerate_words(absent)}.",
                ),
            )
        ]
    found = claims_of(material)
    if isinstance(found, str):
        return [Alert("note", "Not evaluated", (found,))]
    wholes = found[found["part"] == "all"]
    tally = enumerate_words(
        f"{times} {verdict}" for verdict, times in wholes["verdict"].value_counts(sort=False).items()
    )
    rows = tuple(
        (
            words(row["claim"]),
            words(row["verdict"], tone=_TONES[row["verdict"]]),
            words(without_backticks(row["sentence"].split(": ", 1)[-1])),
        )
        for row in wholes.to_dict("records")
    )
    parts = found[(found["part"] != "all") & (found["verdict"] != "unresolved")]
    blocks: list[Block] = [
        paragraph(
            f"Of {count(len(wholes), 'claim')}, {tally}. Only evidence of the contrary refutes a claim; a test that "
            "found nothing does not. Several of the paper's sentences contradict each other, so not all can hold.",
            lead=True,
        ),
        Table(
            (Column("claim"), Column("verdict"), Column("statement, and the answers to its parts")),
            rows,
            f"Claims of the reference paper, and two controls, evaluated on {material.settings.signal}: ● supported, "
            "▲ refuted, ○ unresolved. Labels need 5 seeds per configuration, differences need 10.",
            sortable=False,
        ),
    ]
    if len(parts):
        listed = tuple(("", (f"{row['claim']}: {row['sentence']}",)) for row in parts.to_dict("records"))
        blocks += [paragraph("Statements that the data support or refute:"), Listing(listed)]
    return blocks
