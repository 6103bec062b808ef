"""The page of all columns of `characterize`, written by ``python -m tracekit_analysis.features.page``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from tracekit_analysis.features.registry import PRESETS
from tracekit_analysis.features.standard import describe_columns

SECTIONS: tuple[tuple[str, str], ...] = (
    (r".*_no_profile", "spectral.md#without-the-epoch-profile"),
    (r"interleav.*|n_channels", "input.md#interleaved-channels"),
    (r"burn_in|settled|settles_at", "input.md#initial-transient"),
    (r"n|n_used|status|reason|n_missing|ties|notes|zeros|points_per_epoch", "input.md#accepted-series"),
    (r"(lower|upper)_gev_.*", "bounds.md#block-extremes"),
    (r"(lower|upper)_lfq_.*", "bounds.md#lfq-test"),
    (r"(lower|upper)_(drift.*|trend_pvalue|bound)", "bounds.md#drift"),
    (r"(lower|upper)_bound_variance.*", "bounds.md#variance-of-the-bound"),
    (r"(lower|upper)_label.*", "bounds.md#decision-on-one-series"),
    (r"(lower|upper)_.*", "bounds.md#stability-index"),
    (r"stationarity", "stationarity.md#verdict"),
    (r"adf_.*", "stationarity.md#adf"),
    (r"kpss_cosine_pvalue", "stationarity.md#cosine-kpss"),
    (r"kpss_auto_pvalue", "stationarity.md#kpss-with-automatic-lag"),
    (r"scale_lfq_pvalue", "stationarity.md#scale-lfq"),
    (r"holm_rejections", "labels.md#many-tests-inside-one-series"),
    (r"level_trend.*", "stationarity.md#trend-of-the-level"),
    (r"arch_pvalue", "stationarity.md#bursts"),
    (r"phillips_perron_pvalue", "stationarity.md#phillips-perron"),
    (r"dfgls_pvalue", "stationarity.md#df-gls"),
    (r"zivot_andrews_pvalue", "stationarity.md#zivot-andrews"),
    (r"variance_ratio_.*", "stationarity.md#variance-ratio"),
    (r"tau_int|ess", "dependence.md#autocorrelation-time"),
    (r"acf_.*", "dependence.md#autocorrelation-function"),
    (r"split_rhat", "dependence.md#split-r-hat"),
    (r"ar_order|predictability|ljung_box_pvalue", "dependence.md#prewhitening-and-ljung-box"),
    (r"whiteness_pvalue|correlation_sum", "spectral.md#whiteness"),
    (r"memory.*", "dependence.md#long-memory"),
    (r"dfa_exponent", "dependence.md#dfa-exponent"),
    (r"permutation_entropy", "dependence.md#permutation-entropy"),
    (r"sample_entropy", "dependence.md#sample-entropy"),
    (r"(spectral|multitaper)_(entropy|flatness)", "spectral.md#entropy-and-flatness"),
    (r"spectral_(centroid|edge)|power_.*", "spectral.md#centroid-edge-and-bands"),
    (r"peak_.*|n_peaks", "spectral.md#peaks"),
    (r"nyquist_pvalue|lag1|edge_of_stability", "spectral.md#edge-of-stability"),
    (r"epoch_comb_pvalue|epoch_variance_ratio", "spectral.md#epoch-comb-and-variance-ratio"),
    (r"sawtooth.*|epoch_rise.*|epoch_profile_share", "spectral.md#sawtooth"),
    (r"tail.*", "tails-and-events.md#tail-index"),
    (r"stable_alpha.*", "tails-and-events.md#stable-index-by-block-sums"),
    (r"n_spikes.*|spike.*", "tails-and-events.md#spikes"),
    (r"rule_.*", "tails-and-events.md#industry-spike-rules"),
    (r"n_changes|largest_change.*|change_explained", "tails-and-events.md#change-points"),
)
"""Where the method of a column stands; the first pattern that matches the whole name counts."""


def section_of(column: str) -> str:
    """Return the page and heading that explain a column, as a relative link; empty if none does."""
    return next((section for pattern, section in SECTIONS if re.fullmatch(pattern, column)), "")


def page_text() -> str:
    """Return the page in Markdown."""
    lines = [
        "# Columns of `characterize`",
        "",
        "Written by `python -m tracekit_analysis.features.page`; do not edit. A preset holds the columns of those",
        "before it.",
        "All statistics describe the part after the initial transient, except those that end in `_whole`.",
        "",
    ]
    shown: set[str] = set()
    for preset in PRESETS:
        lines += [f'## Preset "{preset}"', "", "| column | meaning | method |", "|---|---|---|"]
        for name, meaning in describe_columns(preset).items():
            if name not in shown:
                section = section_of(name)
                heading = section.partition("#")[2].replace("-", " ")
                text = meaning.replace("|", "\\|")
                lines.append(f"| `{name}` | {text} | [{heading}]({section}) |")
                shown.add(name)
        lines.append("")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="python -m tracekit_analysis.features.page", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/methods/columns.md"), help="page to write")
    chosen = parser.parse_args(arguments)
    chosen.out.write_text(page_text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
