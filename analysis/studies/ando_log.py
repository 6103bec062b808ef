"""Index values from the log of the reference paper's own program, next to the values quoted before.

``python analysis/studies/ando_log.py PATH`` where PATH is ``cnn-adam-weights.log``: CIFAR-10, Adam, batch size 100,
40 epochs of 500 updates. Its weight lines interleave 8 parameter tensors, one line each per 5 updates. The log does
not say so; the study finds them from the values alone.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

import tracekit_analysis.accessor  # noqa: F401  # registers frame.trace
from tracekit_analysis.series import Interleaving, detect_interleaving, sawtooth
from tracekit_analysis.statistics import adf, epoch_comb, kpss_cosine

DEFAULT = Path(__file__).resolve().parents[3] / "shared" / "data" / "ando-logs" / "cnn-adam-weights.log"
CHANNELS = ("g1.w", "conv4.w", "conv1.w", "conv6.w", "conv3.w", "g3.w", "conv5.w", "conv2.w")
"""Parameter tensors in the order of the lines, which is the order of the program's std::map."""
UPDATES_PER_LINE = 5
UPDATES_PER_EPOCH = 500
LOSSES_PER_EPOCH = 50

QUOTED_LABELS = dict(zip(CHANNELS, "IIUSIIII", strict=True))
"""Labels at margin .2 that the project's design study quotes for this run."""
QUOTED_INDEX = {"conv1.w": (0.41, 0.26, 0.57), "conv6.w": (0.00, 0.00, 0.09)}
"""Index and interval, where quoted."""


def read_log(path: Path) -> tuple[pd.DataFrame, pd.Series, Interleaving]:
    """Return the gradients as a tidy table (one series per channel), the loss every 10 updates, and the channels."""
    text = path.read_text()
    gradients = np.array([float(word) for word in re.findall(r"Weight_Grad:([^:\s]+):", text)])
    losses = [float(word) for word in re.findall(r"^\d+ loss:(\S+)", text, flags=re.MULTILINE)]
    interleaving = detect_interleaving(gradients)
    n_channels = interleaving.n_channels
    names = CHANNELS if n_channels == len(CHANNELS) else [f"channel {place}" for place in range(n_channels)]
    rows = np.arange(gradients.size // n_channels * n_channels)
    step = rows // n_channels * UPDATES_PER_LINE
    frame = pd.DataFrame(
        {
            "layer": np.array(names)[rows % n_channels],
            "step": step,
            "epoch": step // UPDATES_PER_EPOCH,
            "value": gradients[rows],
        }
    )
    return frame, pd.Series(losses, name="loss"), interleaving


def beside_the_quoted(frame: pd.DataFrame) -> pd.DataFrame:
    """Return index, interval and label of each channel next to the quoted ones; nothing is cut off the series."""
    table = frame.trace.lower_bound(by="layer", remove_burn_in=False).set_index("layer")
    table = table[["n", "index", "ci_low", "ci_high", "drift"]].round(3)
    below, above = table["ci_high"] < 0.2, table["ci_low"] > 0.2
    table["label"] = np.where(below, "S", np.where(above, "U", "I"))
    table["quoted"] = pd.Series(QUOTED_LABELS)
    quoted = pd.DataFrame(QUOTED_INDEX, index=["quoted_index", "quoted_low", "quoted_high"]).T
    table = table.join(quoted)
    pairs = (("index", "quoted_index"), ("ci_low", "quoted_low"), ("ci_high", "quoted_high"))
    table["off_by"] = pd.concat([(table[ours] - table[theirs]).abs() for ours, theirs in pairs], axis=1).max(
        axis=1
    )
    return table


def main(path: Path) -> int:
    """Print the values from the log and their distance from the quoted ones."""
    if not path.is_file():
        print(f"{path} is not there; pass the path of cnn-adam-weights.log", file=sys.stderr)
        return 1
    frame, loss, interleaving = read_log(path)
    print(f"{len(frame)} gradients, {interleaving.n_channels} interleaved channels", end=" ")
    print(f"(p < {max(interleaving.pvalue, 1e-300):.0e})\n")
    table = beside_the_quoted(frame)
    print(table.to_string(na_rep=""))
    agree = int((table["label"] == table["quoted"]).sum())
    print(f"\nlabels agree in {agree} of {len(table)} channels; the largest distance from a quoted number is")
    print(f"{table['off_by'].max():.3f} (quoted to .01)\n")

    whole = frame.trace.characterize(by="layer", preset="minimal").set_index("layer")
    series = {name: rows["value"].to_numpy() for name, rows in frame.groupby("layer", sort=False)}
    with threadpool_limits(1, user_api="blas"):  # on busy cores, threads cost ADF ten times what they gain
        unit_roots = pd.Series({name: adf(x).pvalue for name, x in series.items()})
    tested = pd.DataFrame(
        {
            "lfq_lower": whole["lower_lfq_pvalue_whole"],
            "lfq_upper": whole["upper_lfq_pvalue_whole"],
            "adf": unit_roots,
            "kpss_cosine": pd.Series({name: kpss_cosine(x).pvalue for name, x in series.items()}),
        }
    )
    print(
        "p-values, series taken whole; quoted: a constant lower bound is rejected in 4 of 8, ADF rejects all,"
    )
    print("kpss_cosine none\n")
    print(tested.map(lambda p: f"{p:.2g}").to_string())
    rejected = (tested < 0.05).sum()
    print("\nrejected at .05: " + ", ".join(f"{name} {count}" for name, count in rejected.items()))

    late = loss.iloc[20 * LOSSES_PER_EPOCH : 40 * LOSSES_PER_EPOCH].to_numpy()
    saw = sawtooth(late, epoch_length=LOSSES_PER_EPOCH)
    comb = epoch_comb(late, LOSSES_PER_EPOCH)
    print(
        f"\nloss, epochs 21 to 40: rise within the epoch {saw.rise:.3f} +- {saw.rise_se:.3f} (quoted .053 +- .004),"
    )
    print(f"comb p = {comb.pvalue:.1g} (quoted 1e-24)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT))
