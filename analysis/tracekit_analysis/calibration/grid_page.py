"""Documentation page of error rates on planted grids: ``python -m tracekit_analysis.calibration.grid_page``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tracekit_analysis.calibration.bands import named_rows
from tracekit_analysis.calibration.grids import N_PERMUTATIONS, N_VALUES, grid_rates

TITLES = {
    "labels": "Labels of seeds that are alike, and of seeds that differ",
    "traits": "Traits of the seeds",
    "comparisons": "Comparisons of arms",
}
NOTES = {
    "labels": (
        f"Cells of S seeds at margin .2, {N_VALUES:,} values per series, normal noise, linear drift of the bound.",
        "The index differs between seeds by lognormal factors. *Series*: the pooled index (root mean square over",
        "seeds) has the planted value. *Cross-section*: the geometric mean has the planted value.",
        "*Decided*: labelled stable or unstable, which is wrong for an index at the margin.",
    ),
    "traits": (
        f"Cells of 5 seeds, {N_VALUES:,} values per series, epochs of 50. A trait is shown if so many seeds have it",
        "that chance, at 10 % per seed, gives as many in at most 1 % of cells. *Another spectrum*: a class that the",
        "process does not have.",
    ),
    "comparisons": (
        f"Five normal features, S seeds per arm, {N_PERMUTATIONS} random arrangements, equivalence margin 1",
        "between-seed sd. A difference is a shift of two features. With several cells, a true answer counts if all",
        "cells have it, and a false answer counts if any cell has it.",
    ),
}


def page_text(rates: pd.DataFrame, command: str) -> str:
    """Return the page in Markdown."""
    lines = [
        "# Calibration: planted grids, and seeds that differ",
        "",
        f"Written by `{command}`; do not edit. Each number comes from simulated cells with planted truth.",
        "A limit is missed if the 99 % interval of the rate lies outside it. Error rates of the procedures for one",
        "series are in [calibration.md](calibration.md).",
        "",
        "## Limits that are missed",
        "",
    ]
    missed = [
        f"- **{row.kind}, {row.scenario}, S = {row.n_seeds}: {row.quantity} in {row.rate:.3f} "
        f"[{row.ci_low:.3f}, {row.ci_high:.3f}], {row.must} {row.limit:g}**"
        for row in named_rows(rates[rates["outcome"] == "missed"])
    ]
    lines += [*(missed or ["None."]), ""]
    for kind, title in TITLES.items():
        rows = rates[rates["kind"] == kind]
        if rows.empty:
            continue
        lines += [f"## {title}", "", *NOTES[kind], ""]
        lines += ["| planted | S | counted | must be | rate [95 %] | cells |", "|---|---:|---|---|---:|---:|"]
        for row in named_rows(rows):
            must = f"{row.must} {row.limit:g}" if row.must else "–"
            rate = f"{row.rate:.3f} [{row.ci_low:.3f}, {row.ci_high:.3f}]"
            rate = f"**{rate}**" if row.outcome == "missed" else rate
            lines.append(
                f"| {row.scenario} | {row.n_seeds} | {row.quantity} | {must} | {rate} | {row.n_cells} |"
            )
        lines.append("")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulations and write the page."""
    parser = argparse.ArgumentParser(
        prog="python -m tracekit_analysis.calibration.grid_page", description=__doc__
    )
    parser.add_argument(
        "--out", type=Path, default=Path("docs/methods/calibration-grids.md"), help="page to write"
    )
    parser.add_argument("--cells", type=int, default=200, help="cells per planted truth of labels")
    parser.add_argument("--seed", type=int, default=0, help="seed of all draws")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    chosen = parser.parse_args(arguments)
    rates = grid_rates(n_cells=chosen.cells, seed=chosen.seed, jobs=chosen.jobs)
    command = f"python -m tracekit_analysis.calibration.grid_page --cells {chosen.cells}"
    chosen.out.write_text(page_text(rates, command), encoding="utf-8")
    n_missed = int((rates["outcome"] == "missed").sum())
    print(f"{n_missed} limits missed; {chosen.out} written")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
