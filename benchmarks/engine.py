"""How fast the engine is, beside PyTorch: ``python benchmarks/engine.py``, on a machine that does nothing else.

Each side trains in a process of its own; within a round they take turns. Figures are medians over the rounds, and
ratios are medians over the rounds of one round's ratio, so that what else the machine does falls on all sides.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from sides import Side, alternate, prepare_torch, prepare_tracekit, ratio

LAYOUTS = ("default", "channels_last", "compile")
#: (height and width, channels, out channels) of the convolutions of ando_cnn.
CONVOLUTIONS = ((32, 3, 32), (32, 32, 32), (16, 32, 32), (8, 32, 32))


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    print(f"\n### {title}\n")
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print(
            "| " + " | ".join(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row) + " |"
        )
    sys.stdout.flush()


def opened(
    candidates: Sequence[tuple[str, Callable[..., Callable[[int], None]], dict[str, object]]],
) -> list[Side]:
    """Start the sides that can run here, and say which cannot."""
    sides = []
    for name, prepare, settings in candidates:
        side = Side(name, prepare, **settings)
        if side.missing:
            print(f"\nNot here: {name} ({side.missing}).")
        else:
            sides.append(side)
    return sides


def whole_steps(rounds: int, batch_sizes: Sequence[int], *, compiled_torch: bool) -> None:
    """Table 1: the whole training step of ando_cnn."""
    rows = []
    for optimizer in ("adam", "sgd"):
        for batch_size in batch_sizes:
            shared = {"model": "ando_cnn", "optimizer": optimizer, "batch_size": batch_size}
            compile_too = compiled_torch and optimizer == "adam" and batch_size == 100
            layouts = LAYOUTS if compile_too else LAYOUTS[:2]
            sides = opened(
                [
                    ("tracekit", prepare_tracekit, shared),
                    # NumPy alone takes half of the table's time: at the paper's batch size only.
                    *(
                        [("NumPy alone", prepare_tracekit, shared | {"compiled": False})]
                        * (batch_size == 100)
                    ),
                    *((layout, prepare_torch, shared | {"layout": layout}) for layout in layouts),
                ]
            )
            times = alternate(sides, rounds=rounds, n_updates=2)
            medians = {name: statistics.median(values) for name, values in times.items()}
            peers = [name for name in medians if name in LAYOUTS]
            fastest = min(peers, key=medians.__getitem__, default=None)
            rows.append(
                [
                    optimizer,
                    batch_size,
                    medians["tracekit"],
                    medians.get("NumPy alone", "–"),
                    *(medians.get(layout, "–") for layout in LAYOUTS),
                    *(
                        ["–"] * 3
                        if fastest is None
                        else [
                            ratio(times, fastest, "tracekit"),
                            ratio(times, "default", "tracekit"),
                            ratio(times, fastest, "NumPy alone") if "NumPy alone" in times else "–",
                        ]
                    ),
                ]
            )
            for side in sides:
                side.close()
    head = ["optimizer", "batch", "tracekit", "NumPy alone", *(f"PyTorch {layout}" for layout in LAYOUTS)]
    head += ["fastest / tracekit", "default / tracekit", "fastest / NumPy alone"]
    table("1. A training step of ando_cnn, milliseconds", head, rows)


def small_networks(rounds: int) -> None:
    """Table 3: networks so small that Python's own time counts."""
    rows = []
    for model in ("small_cnn", "mlp"):
        for optimizer in ("adam", "sgd"):
            shared = {"model": model, "optimizer": optimizer, "batch_size": 100}
            sides = opened(
                [
                    ("tracekit", prepare_tracekit, shared),
                    ("1 thread", prepare_torch, shared | {"threads": 1}),
                    ("all threads", prepare_torch, shared),
                ]
            )
            times = alternate(sides, rounds=rounds, n_updates=100)
            medians = {name: statistics.median(values) for name, values in times.items()}
            peers = [name for name in ("1 thread", "all threads") if name in medians]
            ratios = [ratio(times, name, "tracekit") for name in peers]
            rows.append([model, optimizer, *medians.values(), *ratios])
            for side in sides:
                side.close()
    head = ["network", "optimizer", "tracekit", "PyTorch, 1 thread", "PyTorch, all threads"]
    head += ["1 thread / tracekit", "all threads / tracekit"]
    table("3. A step of a small network on 8x8 pixels, batch 100, milliseconds", head, rows)


def memory() -> None:
    """Table 4: peak memory at batch 200, and whether it grows."""
    shared = {"model": "ando_cnn", "optimizer": "adam", "batch_size": 200}
    rows = []
    candidates = [("tracekit", prepare_tracekit, shared)]
    candidates += [
        (f"PyTorch {layout}", prepare_torch, shared | {"layout": layout}) for layout in LAYOUTS[:2]
    ]
    for side in opened(candidates):
        side.seconds(20)
        rows.append([f"{side.name}, 20 steps at batch 200", side.peak_mib()])
        side.close()
    (side,) = opened([("tracekit", prepare_tracekit, shared | {"batch_size": 10})])
    side.seconds(100)
    before = side.peak_mib()
    side.seconds(1900)
    rows.append(["tracekit at batch 10: growth from step 100 to 2,000", side.peak_mib() - before])
    side.close()
    table("4. Peak memory of the process, MiB", ["what", "MiB"], rows)


def roofline(rounds: int) -> None:
    """Table 5: what share of the machine's peak the convolutions reach."""
    from tracekit.engine.kernels import parallel
    from tracekit.engine.ops import conv2d

    rng = np.random.default_rng(0)
    rows = []
    with parallel.use_threads() as n_threads:
        size = 1024
        left, right = (rng.normal(size=(n_threads, size, size)).astype(np.float32) for _ in range(2))
        product = np.empty_like(left)

        def multiply(number: int) -> None:
            np.matmul(left[number], right[number], out=product[number])

        peak = n_threads * 2 * size**3 / best(lambda: parallel.run(multiply, n_threads), rounds) / 1e9
        for side, channels, out_channels in CONVOLUTIONS:
            images = rng.normal(size=(100, side, side, channels)).astype(np.float32)
            weight = rng.normal(size=(out_channels, channels, 3, 3)).astype(np.float32)
            bias = np.zeros(out_channels, np.float32)
            value, backward = conv2d.function(images, weight, bias, padding=1)
            gradient = rng.normal(size=value.shape).astype(np.float32)
            work = 2 * 9 * channels * value.size / 1e9

            def forward(images=images, weight=weight, bias=bias) -> None:
                conv2d.function(images, weight, bias, padding=1)

            def of_weight(backward=backward, gradient=gradient) -> None:
                backward(gradient)[1]()

            def of_both(backward=backward, gradient=gradient) -> None:
                of_images, of_kernel, _ = backward(gradient)
                of_images()
                of_kernel()

            seconds = [best(function, rounds) for function in (forward, of_weight, of_both)]
            seconds[2] -= seconds[1]
            shares = [work / second / peak for second in seconds]
            name = f"{channels} to {out_channels} channels, {side}x{side} pixels"
            rows.append([name, *(work / second for second in seconds), *(f"{share:.0%}" for share in shares)])
    head = ["convolution 3x3, batch 100", "forward", "weight gradient", "input gradient"]
    title = (
        f"5. Convolutions, GFLOP/s of the direct way (peak of a product of matrices on {n_threads} threads: "
        f"{peak:.0f}), and share of the peak"
    )
    table(title, [*head, "forward, share", "weight, share", "input, share"], rows)


def best(function: Callable[[], None], rounds: int) -> float:
    """Median seconds of a call."""
    function()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


SWEEP = """
import sys, time
from tracekit.experiment import Sweep, run_sweep
if __name__ == "__main__":
    started = time.perf_counter()
    run_sweep(
        Sweep(optimizers=["sgd", "adam"], batch_sizes=[50, 100, 150, 200], seeds=5, updates=600,
              model="small_cnn", recording={"preset": sys.argv[2]}),
        sys.argv[1], jobs=2,
    )
    print(time.perf_counter() - started)
"""

TORCH_SWEEP = """
import multiprocessing, sys, time
def work(runs):
    import torch
    from torch import nn
    from sklearn.datasets import load_digits
    torch.set_num_threads(1)
    digits = load_digits()
    x = torch.tensor(digits.images[:1500] / 16.0, dtype=torch.float32)[:, None]
    y = torch.tensor(digits.target[:1500])
    for optimizer, batch_size, seed in runs:
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1),
                              nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 10))
        rule = (torch.optim.Adam(model.parameters(), lr=1e-3) if optimizer == "adam"
                else torch.optim.SGD(model.parameters(), lr=0.1))
        criterion, losses, step = nn.CrossEntropyLoss(), [], 0
        while step < 600:
            order = torch.randperm(len(x))
            for start in range(0, len(x) - batch_size + 1, batch_size):
                indices = order[start:start + batch_size]
                rule.zero_grad()
                loss = criterion(model(x[indices]), y[indices])
                loss.backward()
                rule.step()
                losses.append(loss.item())
                step += 1
                if step == 600:
                    break
if __name__ == "__main__":
    started = time.perf_counter()
    runs = [(o, b, s) for b in (50, 100, 150, 200) for s in range(5) for o in ("sgd", "adam")]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(work, [runs[0::2], runs[1::2]])
    print(time.perf_counter() - started)
"""


def sweep(folder: Path) -> None:
    """Table 6: 40 runs of 600 updates on the digits, on two processes, from start to end."""
    rows = []
    scripts = {"ours.py": SWEEP, "peer.py": TORCH_SWEEP}
    for name, text in scripts.items():
        (folder / name).write_text(text, encoding="utf-8")
    variants = [
        ("tracekit, recording the preset minimal", ["ours.py", "minimal", "minimal"]),
        ("tracekit, recording the preset standard", ["ours.py", "standard", "standard"]),
    ]
    if importlib.util.find_spec("torch"):
        variants.append(("PyTorch, keeping the loss", ["peer.py"]))
    for name, arguments in variants:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=True
        )
        rows.append([name, float(done.stdout.split()[-1])])
    table("6. A sweep of 40 runs of 600 updates of small_cnn on two processes, seconds", ["side", "s"], rows)


def imports() -> None:
    """Table 7: what importing costs."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    code = "import time; t = time.perf_counter(); import tracekit.engine; print(time.perf_counter() - t)"
    times = []
    for _ in range(7):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
        )
        times.append(float(done.stdout))
    table(
        "7. Importing tracekit.engine, seconds",
        ["median of 7", "largest"],
        [[f"{statistics.median(times):.3f}", f"{max(times):.3f}"]],
    )


def main() -> None:
    import tempfile

    from tracekit.experiment.environment import describe

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--tables", default="134567", help="which tables, for example 15")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[50, 100, 150, 200])
    parser.add_argument(
        "--no-compile", action="store_true", help="leave torch.compile out, which takes most of a minute"
    )
    arguments = parser.parse_args()
    about = describe()
    versions = {name: about["versions"].get(name) for name in ("python", "numpy", "numba")}
    print(f"{about['processor']}, {json.dumps(versions)}")
    with tempfile.TemporaryDirectory() as folder:
        chosen: dict[str, Callable[[], None]] = {
            "1": lambda: whole_steps(
                arguments.rounds, arguments.batch_sizes, compiled_torch=not arguments.no_compile
            ),
            "3": lambda: small_networks(arguments.rounds),
            "4": memory,
            "5": lambda: roofline(arguments.rounds),
            "6": lambda: sweep(Path(folder)),
            "7": imports,
        }
        for number in arguments.tables:
            chosen[number]()


if __name__ == "__main__":
    main()
