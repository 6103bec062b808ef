"""Column meanings section: explains the columns of all tables; `metrics.csv` beside the report has every series."""

from __future__ import annotations

from tracekit.report.document import Block, Listing, Mono, paragraph
from tracekit.report.material.material import Material, MissingSignalError
from tracekit.report.sections import section
from tracekit_analysis import describe_columns

#: Statistics that the tables show, by their titles there.
_EXPLAINED = {
    "lower_index": "index I",
    "lower_drift": "drift D",
    "lower_bound": "lower bound",
    "lower_spread": "half-spread S",
    "lower_bound_variance": "bound variance",
    "lower_lfq_pvalue": "LFQ p",
    "burn_in": "transient",
    "tau_int": "correlation time",
    "ess": "effective values",
    "spectral_entropy": "spectral entropy",
    "epoch_comb_pvalue": "epoch comb p",
    "epoch_variance_ratio": "epoch variance ratio",
    "peak_pvalue": "strongest peak p",
    "nyquist_pvalue": "period-2 p",
    "kpss_cosine_pvalue": "cosine-KPSS p",
    "adf_pvalue": "ADF p",
    "scale_lfq_pvalue": "scale LFQ p",
    "arch_pvalue": "ARCH p",
    "memory_d": "memory d",
    "tail_xi": "extreme value index ξ",
    "tail_alpha": "tail exponent α",
    "n_changes": "breaks",
    "n_spikes": "spikes",
    "stationarity": "stationarity verdict",
}


@section("metrics", title="What the columns mean", order=82)
def metrics(material: Material) -> list[Block]:
    """Explain the columns of all tables, and name the file with the whole table."""
    if material.features.empty:
        raise MissingSignalError([material.settings.signal])
    meanings = describe_columns("full")
    return [
        paragraph(
            "Tables show medians over the seeds of each configuration, rounded for reading. ",
            Mono("metrics.csv"),
            f" beside this report has every series ({len(material.features):,}) with all "
            f"{material.features.shape[1]} columns at full precision, and ",
            Mono("labels.csv"),
            " has the labels. Numbers describe each series after its initial transient (burn-in).",
        ),
        Listing(
            tuple((title, (f"{meanings[name]}.",)) for name, title in _EXPLAINED.items() if name in meanings)
        ),
    ]
