"""Documentation page of measured error rates: runs the simulations, and writes their tables and pictures.

``python -m tracekit_analysis.calibration.page --out docs/methods/calibration.md --jobs 2`` takes about ten
minutes on two idle cores; ``--scale 0.1`` uses a tenth of the series and takes a tenth of the time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tracekit_analysis.calibration.bands import LENGTHS, judge_rates, named_rows
from tracekit_analysis.calibration.calibrating import calibrate
from tracekit_analysis.calibration.processes import PROCESSES
from tracekit_analysis.calibration.rates import error_rates
from tracekit_analysis.tables.groups import Progress, progress_bar

RUNS = {200: (2000, 300), 1000: (2000, 250), 10_000: (1000, 100)}
"""Series per process and length: for bounds, level and scale; and how many of these for everything else."""
CELLS = {(1000, 5): 200, (1000, 10): 100, (10_000, 5): 60}
"""Cells per row of the label tables, by values and seeds."""
MAX_WRONG = {1000: 0.09, 10_000: 0.05}
"""Largest share of wrong labels, by length."""
LEFT_OUT = ("divergent",)

QUANTITIES = {
    "LFQ lower": "`lfq_test`, lower bound: share rejected at .05",
    "LFQ upper": "`lfq_test`, upper bound: share rejected",
    "level": "`kpss_cosine`: share rejected",
    "scale": "`scale_lfq`: share rejected",
    "warned": "share that carries the warning of fewer than 50 autocorrelation times",
    "stable": "`stability_label` of one series at margin .2: share stable",
    "unstable": "share unstable",
    "I covered": "share of 95 % intervals of the lower index that contain the true one",
    "drift covered": "share of 95 % intervals of the lower bound's drift that contain the true one",
    "bound trend": "`trend_pvalue` of the lower bound (Mann-Kendall on block bounds): share rejected",
    "ADF": "`adf`: share in which the unit root is rejected",
    "verdict S": "`classify_stationarity` on the whole series: share stationary",
    "verdict C": "share contradictory (break, trend, long memory)",
    "verdict U": "share unit-root-like",
    "verdict I": "share uninformative",
    "Phillips-Perron": "`phillips_perron`: share in which the unit root is rejected",
    "DF-GLS": "`dfgls`: share in which the unit root is rejected",
    "Zivot-Andrews": "`zivot_andrews`: share in which the unit root is rejected",
    "Mann-Kendall": "`mann_kendall`: share in which a trend is found",
    "ARCH": "`arch_test`: share in which bursts are found",
    "burst warning": "share that carries the warning of bursts in a short series",
    "LFQ lower unwarned": "share in which `lfq_test` of the lower bound rejects without that warning",
    "peak": "`peak_test`: share with a significant peak",
    "Nyquist": "`nyquist_test`: share rejected",
    "comb": "`epoch_comb`, E = 50 (20 for n = 200): share rejected",
    "VR(E)": "`epoch_comb`: mean variance ratio of epoch means",
    "break found": "`change_points`: share with a break",
    "break misplaced by": "mean distance of the largest break from the middle, as a share of n",
    "d covered": "`local_whittle`: share of 95 % intervals that contain the true d",
    "long memory": "share called long memory",
    "tau": "`autocorrelation_time`: mean",
    "Hill alpha": "`tail_index` at 5 %: mean Hill exponent",
    "interleaved": "`detect_interleaving`: share found interleaved",
}
"""Meaning of each quantity on the page."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """All measurements for the page."""

    rates: pd.DataFrame
    """Table of `judge_rates`."""
    labels: pd.DataFrame
    """Rows of `calibrate` for several designs."""
    minutes: float
    """Wall time."""
    seed: int
    """Seed of all draws."""


def run_calibration(
    *, scale: float = 1.0, seed: int = 0, jobs: int = 1, progress: Progress | None = None
) -> Calibration:
    """Run all simulations; `scale` multiplies the numbers of series and of cells."""
    start = time.monotonic()
    names = [name for name in PROCESSES if name not in LEFT_OUT]
    rates = []
    for n, (runs, costly) in RUNS.items():
        counts = {"runs": max(20, round(scale * runs)), "costly_runs": max(10, round(scale * costly))}
        rates.append(error_rates(names, n, **counts, seed=seed, jobs=jobs, progress=progress))
    labels = [
        calibrate(n, n_seeds, n_cells=max(10, round(scale * cells)), seed=seed, jobs=jobs, progress=progress)
        for (n, n_seeds), cells in CELLS.items()
    ]
    minutes = (time.monotonic() - start) / 60.0
    return Calibration(
        judge_rates(pd.concat(rates, ignore_index=True)), pd.concat(labels, ignore_index=True), minutes, seed
    )


def missed_bands(calibration: Calibration) -> list[str]:
    """Return one sentence for each missed band, labels included."""
    rates = calibration.rates
    missed = [
        f"{row.process}, n = {row.n}: {row.quantity} is {_number(row.mean)} (s.e. {_number(row.se)}), "
        f"must be {row.must}"
        for row in named_rows(rates[rates["outcome"] == "missed"])
    ]
    for row in named_rows(calibration.labels):
        limit = MAX_WRONG[row.n]
        if row.wrong_ci_low > limit:
            missed.append(
                f"labels, {row.noise}, {row.movement} with I = {row.index:.3g}, n = {row.n}, S = {row.n_seeds}: "
                f"{_number(row.wrong)} [{_number(row.wrong_ci_low)}, {_number(row.wrong_ci_high)}] of the labels "
                f"are wrong; at most {_number(limit)} is allowed"
            )
    return missed


def write_page(calibration: Calibration, path: Path) -> None:
    """Write the page, the rates as CSV and the pictures, which lie in a folder named like the page."""
    from tracekit_analysis.calibration.pictures import draw_pictures

    folder = path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    calibration.rates.round(5).to_csv(folder / "rates.csv", index=False)
    calibration.labels.round(5).to_csv(folder / "labels.csv", index=False)
    pictures = draw_pictures(calibration.rates, calibration.labels, folder)
    text = page_text(calibration, {title: f"{folder.name}/{name}" for title, name in pictures.items()})
    path.write_text(text, encoding="utf-8")


def page_text(calibration: Calibration, pictures: dict[str, str]) -> str:
    """Return the page in Markdown; `pictures` maps captions to files."""
    missed = missed_bands(calibration)
    runs = ", ".join(f"{cheap:,} (n = {n:,})" for n, (cheap, _) in _achieved_runs(calibration.rates).items())
    return "\n".join(
        [
            "# Calibration: measured error rates",
            "",
            "Written by `make calibrate`; do not edit. Each number on this page comes from the simulations of one",
            f"run of that command ({calibration.minutes:.0f} minutes, seed {calibration.seed}). Each procedure runs on",
            "processes with known truth; we compare its rates with the bands of the project's design study.",
            f"Series per process: {runs}; fewer for costly procedures (column `runs` of",
            "[rates.csv](calibration/rates.csv)). A size of .05 is in its band within 2.58 standard errors;",
            "a smaller size is *conservative*, which we accept. Other limits allow for the same error.",
            "To measure the rates for your own number of values, seeds and margin, run `tracekit calibrate`, or call",
            "`tracekit_analysis.calibrate(n, n_seeds, margin)` and",
            "`tracekit_analysis.calibration.error_rates(process, n)`.",
            "",
            "## Bands that are missed",
            "",
            *([f"- **{sentence}**" for sentence in missed] or ["None."]),
            "",
            *[
                line
                for title, file in pictures.items()
                for line in (f"![{title}]({file})", "", f"*{title}*", "")
            ],
            "## Rates by process",
            "",
            "`must` is the band at n = 200 / 1,000 / 10,000; – means that there is none. Bold: missed. (c):",
            "conservative.",
            "",
            *_process_tables(calibration.rates),
            "## Labels of cells",
            "",
            "Cells of S seeds at margin .2; each series takes the whole pipeline (transient cut, index, pooled",
            "interval, demotion). `wrong` is the share with a label that contradicts the truth: unstable below the",
            "margin, stable above it, either one at the margin.",
            "",
            *_label_tables(calibration.labels),
            "## Quantities",
            "",
            *[f"- **{name}**: {meaning}" for name, meaning in QUANTITIES.items()],
            "",
        ]
    )


def _achieved_runs(rates: pd.DataFrame) -> dict[int, tuple[int, int]]:
    """Return the most and the fewest runs per length."""
    grouped = rates.groupby("n")["runs"]
    return {int(str(n)): (int(runs.max()), int(runs.min())) for n, runs in grouped}


def _process_tables(rates: pd.DataFrame) -> list[str]:
    lines = []
    for process, rows in rates.groupby("process", sort=False):
        truth = PROCESSES[str(process)]
        index = "" if truth.index is None else f"; true index {truth.index:.3g}"
        lines += [f"### {process}: {truth.title}{index}", ""]
        lines += ["| quantity | must | " + " | ".join(f"n = {n:,}" for n in LENGTHS) + " |"]
        lines += ["|---|---|" + "---:|" * len(LENGTHS)]
        for quantity, group in rows.groupby("quantity", sort=False):
            by_length = {row.n: row for row in named_rows(group)}
            must = list(dict.fromkeys((by_length[n].must or "–") if n in by_length else "–" for n in LENGTHS))
            must_text = (
                must[0]
                if len(must) == 1
                else " / ".join((by_length[n].must or "–") if n in by_length else "–" for n in LENGTHS)
            )
            cells = [_cell(by_length[n]) if n in by_length else "" for n in LENGTHS]
            lines.append(f"| {quantity} | {must_text} | " + " | ".join(cells) + " |")
        lines.append("")
    return lines


def _cell(row: Any) -> str:
    shown, outcome = _number(row.mean), row.outcome
    return f"**{shown}**" if outcome == "missed" else f"{shown} (c)" if outcome == "conservative" else shown


def _label_tables(labels: pd.DataFrame) -> list[str]:
    lines = []
    for n, n_seeds in CELLS:
        rows = labels[(labels["n"] == n) & (labels["n_seeds"] == n_seeds)]
        if rows.empty:
            continue
        limit = MAX_WRONG[n]
        lines += [f"### n = {n:,}, S = {n_seeds} ({rows['n_cells'].iloc[0]} cells per row)", ""]
        lines += ["| noise | movement | I | stable | unstable | inconclusive | wrong [95 %] |"]
        lines += ["|---|---|---:|---:|---:|---:|---:|"]
        for row in named_rows(rows):
            wrong = f"{_number(row.wrong)} [{_number(row.wrong_ci_low)}, {_number(row.wrong_ci_high)}]"
            if row.wrong_ci_low > limit:
                wrong = f"**{wrong}**"
            shares = " | ".join(_number(share) for share in (row.stable, row.unstable, row.inconclusive))
            lines.append(f"| {row.noise} | {row.movement} | {row.index:.3g} | {shares} | {wrong} |")
        lines.append("")
    return lines


def _number(value: float) -> str:
    """Return a share with three digits and no leading zero, other numbers with three significant digits."""
    if value != value:
        return "–"
    return f"{value:.3f}".removeprefix("0") if abs(value) <= 1.0 else f"{value:.3g}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulations, write the page, and print the bands that are missed."""
    parser = argparse.ArgumentParser(prog="python -m tracekit_analysis.calibration.page", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/methods/calibration.md"), help="page to write")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full number of series")
    parser.add_argument("--seed", type=int, default=0, help="seed of all draws")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    chosen = parser.parse_args(arguments)
    progress = progress_bar() if sys.stderr.isatty() else None
    calibration = run_calibration(scale=chosen.scale, seed=chosen.seed, jobs=chosen.jobs, progress=progress)
    write_page(calibration, chosen.out)
    print("\n".join([*_process_tables(calibration.rates), *_label_tables(calibration.labels)]))
    missed = missed_bands(calibration)
    print(f"{len(missed)} bands missed" + "".join(f"\n- {sentence}" for sentence in missed))
    print(f"{chosen.out} written after {calibration.minutes:.1f} minutes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
