"""What recording costs here, with PyTorch's hooks and in Cockpit: ``python benchmarks/recording_peers.py``.

The same network (ando_cnn), noise in the shape of CIFAR-10, batches of 100, Adam, as many threads as there are
processors. Each library runs in a process of its own, one after the other within each round, so that what else the
machine does falls on all of them; figures are medians over the rounds of wall time, ratios those within a round: 20
rounds of tracekit's bare and standard updates, 3 of the others, and what takes very long once. tracekit writes to disk,
the last part after what is timed; PyTorch's hooks keep the same signals as `standard`, on the same schedules, in
memory; Cockpit keeps its own in memory.

PyTorch and Cockpit are optional: what cannot be imported is named as missing. Cockpit needs
``pip install cockpit-for-pytorch 'setuptools<81'``, best in an environment of its own that `--cockpit-python` names.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

#: Milliseconds that a measurement takes which is not repeated.
LONG = 15_000
N_PROBE, BATCH, STRIDE, ACTIVATION_STRIDE = 32, 100, 17, 53
#: Schedules are made for two epochs of 500 updates, in which the stride of the probe batch is 7.
N_UPDATES, PER_EPOCH, PROBE_STRIDE = 1000, 500, 7
ECONOMY = [
    *("train/loss", "curvature/alpha", "layer/distance", "noise/histogram", "layer/grad_norm", "layer/update_norm"),
    *("noise/norm_test", "noise/inner_product_test", "noise/orthogonality_test"),
]  # fmt: skip
FULL = [
    *(*ECONOMY, "noise/histogram_2d", "noise/cabs", "noise/early_stopping", "noise/gsnr", "curvature/hessian_top"),
    *("curvature/hessian_trace", "curvature/gauss_newton_trace", "curvature/tic_diagonal", "curvature/tic_trace"),
]  # fmt: skip
#: The pair that a target is about, measured in all rounds; the others are measured in the first few.
PAIR = {("tracekit", "nothing"), ("tracekit", "standard")}
#: library -> (what is recorded, updates of one measurement: whole periods of what is recorded now and then)
VARIANTS = {
    "tracekit": {
        "nothing": ACTIVATION_STRIDE,
        "minimal": STRIDE,
        "standard": ACTIVATION_STRIDE,
        "Cockpit's economy set, every update": 5,
        "Cockpit's economy set, every 17th": STRIDE,
        "Cockpit's full set, every 17th": STRIDE,
    },
    "PyTorch": {"nothing": ACTIVATION_STRIDE, "the signals of standard, in hooks": ACTIVATION_STRIDE},
    "Cockpit": {
        "nothing (PyTorch with BackPACK's extension)": STRIDE,
        "economy, every update": 5,
        "economy, every 17th": STRIDE,
        "full, every 17th": STRIDE,
    },
}


class Tracekit:
    """Trains and records with tracekit."""

    def __init__(self) -> None:
        import numpy as np

        import tracekit
        from tracekit.engine.kernels import parallel

        self.version = f"tracekit {tracekit.__version__}, NumPy {np.__version__}"
        rng = np.random.default_rng(0)
        self.images = rng.normal(size=(3500, 32, 32, 3)).astype(np.float32)
        self.labels = rng.integers(10, size=3500)
        self.threads = parallel.use_threads()
        self.threads.__enter__()

    def seconds(self, recorded: str, n_updates: int) -> float:
        import numpy as np

        from tracekit.engine import build_model
        from tracekit.engine.optim import build_optimizer
        from tracekit.engine.training.loop import train
        from tracekit.record import Recorder, choose_signals, plan
        from tracekit.traces import RunWriter

        model = build_model("ando_cnn", input_shape=(32, 32, 3), n_classes=10, rng=0)
        parameters = {key: tensor.data for key, tensor in model.parameters().items()}
        optimizer = build_optimizer("adam", parameters, kinds=model.kinds())
        settings: dict[str, Any] = {
            "batch_size": BATCH,
            "n_updates": n_updates,
            "order_rng": np.random.default_rng(1),
            "dropout_rng": np.random.default_rng(2),
        }
        if recorded == "nothing":
            start = time.perf_counter()
            train(model, optimizer, self.images, self.labels, **settings)
            return time.perf_counter() - start
        schedules = {}
        if recorded in ("minimal", "standard"):
            signals = choose_signals(None, preset=recorded)  # type: ignore[arg-type]
        else:
            signals = choose_signals(ECONOMY if "economy" in recorded else FULL)
            when = "every 1" if "every update" in recorded else f"every {STRIDE}"
            schedules = dict.fromkeys(("free", "batch", "sample", "curvature"), when)
        planned = plan(signals, n_updates=N_UPDATES, updates_per_epoch=PER_EPOCH, schedules=schedules)
        probe = self.images[:N_PROBE], self.labels[:N_PROBE]
        with (
            tempfile.TemporaryDirectory() as folder,
            RunWriter(Path(folder) / "run", attributes={}, configuration={}, meta={}) as writer,
        ):
            recorder = Recorder(writer, signals=planned, probe=probe)
            start = time.perf_counter()
            train(model, optimizer, self.images, self.labels, observers=[recorder], **settings)
            seconds = time.perf_counter() - start
            writer.finish()
            return seconds


def torch_network() -> Any:
    """The layers of tracekit's ando_cnn."""
    from torch import nn

    layers: list[Any] = []
    for number in range(6):
        layers += [nn.Conv2d(32 if number else 3, 32, 3, padding=1), nn.ReLU()]
        if number % 2:
            layers.append(nn.MaxPool2d(2))
    layers += [nn.Flatten(), nn.Linear(512, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10)]
    return nn.Sequential(*layers)


class PyTorch:
    """Trains with PyTorch, and records the signals of `standard` in hooks."""

    def __init__(self) -> None:
        import torch

        torch.set_num_threads(len(os.sched_getaffinity(0)))
        torch.manual_seed(0)
        self.version = f"PyTorch {torch.__version__}"
        self.images, self.labels = torch.randn(3500, 3, 32, 32), torch.randint(10, (3500,))

    def batches(self, n: int) -> Iterator[tuple[Any, Any]]:
        for number in range(n):
            some = slice(number % 35 * BATCH, (number % 35 + 1) * BATCH)
            yield self.images[some], self.labels[some]

    def seconds(self, recorded: str, n_updates: int) -> float:
        import torch

        network = torch_network()
        optimizer = torch.optim.Adam(network.parameters())
        watch = (
            None if recorded == "nothing" else Hooks(network, self.images[:N_PROBE], self.labels[:N_PROBE])
        )
        start = time.perf_counter()
        for step, (images, labels) in enumerate(self.batches(n_updates), start=1):
            optimizer.zero_grad()
            logits = network(images)
            if watch is not None:
                watch.before_backward(logits)
            loss = torch.nn.functional.cross_entropy(logits, labels)
            loss.backward()
            optimizer.step()
            if watch is not None:
                watch.after_step(step, loss, logits, labels, optimizer)
        return time.perf_counter() - start


class Hooks:
    """Keeps in memory what the preset `standard` records, on its schedules."""

    def __init__(self, network: Any, probe_images: Any, probe_labels: Any) -> None:
        import torch

        self.torch, self.network = torch, network
        self.probe_images, self.probe_labels = probe_images, probe_labels
        self.parameters = list(network.parameters())
        self.initial = [p.detach().clone() for p in self.parameters]
        self.before = [p.detach().clone() for p in self.parameters]
        self.previous: list[Any] | None = None
        self.rows: list[list[float]] = []
        self.outputs: dict[int, Any] = {}
        for number, layer in enumerate(network):
            layer.register_forward_hook(self._keeper(number))

    def _keeper(self, number: int) -> Callable[..., None]:
        def keep(layer: Any, inputs: Any, output: Any) -> None:
            self.outputs[number] = output.detach()

        return keep

    def before_backward(self, logits: Any) -> None:
        logits.retain_grad()

    def summary(self, values: Any) -> list[Any]:
        torch = self.torch
        flat = values.detach().flatten().double()
        mean, std = flat.mean(), flat.std(unbiased=False)
        standardized = (flat - mean) / std
        quantiles = torch.quantile(flat, flat.new_tensor([0.05, 0.25, 0.5, 0.75, 0.95]))
        moments = [(standardized**3).mean(), (standardized**4).mean() - 3]
        return [mean, std, *moments, flat.min(), flat.max(), *quantiles]

    def after_step(self, step: int, loss: Any, logits: Any, labels: Any, optimizer: Any) -> None:
        torch = self.torch
        with torch.no_grad():
            gradients = [p.grad for p in self.parameters]
            updates = [p - b for p, b in zip(self.parameters, self.before, strict=True)]
            values = [loss, (logits.argmax(1) == labels).double().mean(), logits[0, 0]]
            for each in (logits, self.outputs[len(self.network) - 2], logits.grad):
                values += self.summary(each)
            values.append(logits.grad.norm())
            for b, i, g, u in zip(self.before, self.initial, gradients, updates, strict=True):
                wide, moved = g.double().flatten(), u.double().flatten()
                norm, weight, update = wide.norm(), b.double().norm(), moved.norm()
                values += [norm, weight, update, update / weight]
                if step % STRIDE == 1:
                    values.append((b.double() - i.double()).norm())
                values += [
                    g.abs().max(),
                    wide.mean(),
                    (g == 0).double().mean(),
                    wide @ moved / (norm * update),
                ]
            if self.previous is not None:
                for g, p in zip(gradients, self.previous, strict=True):
                    wide, other = g.double().flatten(), p.double().flatten()
                    values.append(wide @ other / (wide.norm() * other.norm()))
                    if step % STRIDE == 1:
                        values.append((((g > 0) & (p < 0)) | ((g < 0) & (p > 0))).double().mean())
            if step % STRIDE == 1:
                values += self.now_and_then(gradients, updates, optimizer)
            if step % PROBE_STRIDE == 1:
                values += self.probe()
            if step % ACTIVATION_STRIDE == 1:
                for number, output in self.outputs.items():
                    values += [output.double().mean(), output.double().std(unbiased=False)]
                    if isinstance(self.network[number], torch.nn.ReLU):
                        active = output != 0
                        axes = (0, 2, 3) if active.ndim == 4 else (0,)
                        values += [(~active).double().mean(), (~active.any(dim=axes)).double().mean()]
            self.rows.append(torch.stack([value.double() for value in values]).tolist())
            self.previous = [g.clone() for g in gradients]
            self.before = [p.detach().clone() for p in self.parameters]

    def probe(self) -> list[Any]:
        """The output layer on the probe batch."""
        torch = self.torch
        kept, values = dict(self.outputs), []
        self.network.eval()
        with torch.enable_grad():
            logits = self.network(self.probe_images)
            logits.retain_grad()
            torch.nn.functional.cross_entropy(logits, self.probe_labels).backward(inputs=[logits])
        self.network.train()
        for each in (logits, self.outputs[len(self.network) - 2], logits.grad):
            values += self.summary(each)
        self.outputs = kept
        return values

    def now_and_then(self, gradients: list[Any], updates: list[Any], optimizer: Any) -> list[Any]:
        """Step sizes, and the optimizer's arrays."""
        torch = self.torch
        values: list[Any] = []
        shares = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95], dtype=torch.float64)
        for parameter, g, u in zip(self.parameters, gradients, updates, strict=True):
            state = optimizer.state[parameter]
            for divisor in (g, 1e-3 * state["exp_avg"]):
                defined = divisor != 0
                ratios = (u[defined].double() / divisor[defined].double()).abs().sort().values
                places = (shares * (len(ratios) - 1)).long()
                values += [ratios.mean(), ratios.var(unbiased=False), *ratios[places]]
            for moment in (state["exp_avg"], state["exp_avg_sq"]):
                wide = moment.double()
                values += [wide.mean(), wide.std(unbiased=False), wide.min(), wide.max()]
        return values


class Cockpit(PyTorch):
    """Trains with PyTorch and records with Cockpit."""

    def __init__(self) -> None:
        super().__init__()
        warnings.simplefilter("ignore")
        from importlib.metadata import version

        import cockpit

        self.cockpit = cockpit
        self.version += (
            f", Cockpit {version('cockpit-for-pytorch')}, BackPACK {version('backpack-for-pytorch')}"
        )

    def seconds(self, recorded: str, n_updates: int) -> float:
        import torch
        from backpack import extend
        from cockpit.utils.configuration import configuration
        from cockpit.utils.schedules import linear

        network, loss_function = extend(torch_network()), extend(torch.nn.CrossEntropyLoss())
        each = torch.nn.CrossEntropyLoss(reduction="none")
        optimizer = torch.optim.Adam(network.parameters())
        recorder = None
        if not recorded.startswith("nothing"):
            schedule = linear(interval=1 if "every update" in recorded else STRIDE)
            quantities = configuration(recorded.partition(",")[0], track_schedule=schedule)
            recorder = self.cockpit.Cockpit(network.parameters(), quantities=quantities)
        start = time.perf_counter()
        for step, (images, labels) in enumerate(self.batches(n_updates)):
            optimizer.zero_grad()
            logits = network(images)
            loss = loss_function(logits, labels)
            if recorder is None:
                loss.backward()
            else:
                losses = each(logits, labels)
                info = {
                    "batch_size": BATCH,
                    "individual_losses": losses,
                    "loss": loss,
                    "optimizer": optimizer,
                }
                with recorder(step, info=info):
                    loss.backward(create_graph=recorder.create_graph(step))
            optimizer.step()
        return time.perf_counter() - start


def work(library: str) -> None:
    """Answer each line on the standard input, a variant, with its milliseconds an update."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    try:
        runner = {"tracekit": Tracekit, "PyTorch": PyTorch, "Cockpit": Cockpit}[library]()
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), file=answers, flush=True)
        return
    print(json.dumps({"version": runner.version}), file=answers, flush=True)
    for line in sys.stdin:
        recorded, n_updates = json.loads(line)
        seconds = runner.seconds(recorded, n_updates)
        print(json.dumps({"milliseconds": 1e3 * seconds / n_updates}), file=answers, flush=True)


class Worker:
    """A library in a process of its own."""

    def __init__(self, library: str, python: str) -> None:
        command = [python, __file__, "--worker", library]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        answer = self._answer()
        self.version, self.missing = answer.get("version", ""), answer.get("missing")

    def milliseconds(self, recorded: str, n_updates: int) -> float:
        assert self.process.stdin is not None
        print(json.dumps([recorded, n_updates]), file=self.process.stdin, flush=True)
        return float(self._answer()["milliseconds"])

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found: dict[str, Any] = json.loads(line) if line else {"missing": "its process ended"}
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20, help="of tracekit's bare and standard updates")
    parser.add_argument("--few", type=int, default=3, help="rounds of all others")
    parser.add_argument("--cockpit-python", default=sys.executable, help="an interpreter that has Cockpit")
    parser.add_argument("--worker", choices=list(VARIANTS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker)
        return
    workers = {
        library: Worker(library, arguments.cockpit_python if library == "Cockpit" else sys.executable)
        for library in VARIANTS
    }
    present = {library: worker for library, worker in workers.items() if worker.missing is None}
    times: dict[tuple[str, str], list[float]] = {}
    for library, worker in present.items():
        for recorded in VARIANTS[library]:
            if library != "Cockpit":
                worker.milliseconds(recorded, 2)  # compiles and fills caches
    for number in range(arguments.rounds):
        for library, worker in present.items():
            for recorded, n_updates in VARIANTS[library].items():
                if number >= arguments.few and (library, recorded) not in PAIR:
                    continue
                so_far = times.setdefault((library, recorded), [])
                if not so_far or so_far[0] * n_updates < LONG:
                    so_far.append(worker.milliseconds(recorded, n_updates))
    versions = "; ".join(worker.version for worker in present.values())
    print(f"{versions}; {len(os.sched_getaffinity(0))} processors")
    print("\n### 2. Recording, an update of ando_cnn at batch 100\n")
    print("| library | recorded | rounds | ms an update | of its own bare update |")
    print("|---|---|---|---|---|")
    for (library, recorded), spent in times.items():
        bare = times[library, next(iter(VARIANTS[library]))]
        ratio = statistics.median(s / b for s, b in zip(spent, bare, strict=False))
        print(f"| {library} | {recorded} | {len(spent)} | {statistics.median(spent):.1f} | {ratio:.2f} |")
    for library in workers.keys() - present.keys():
        print(f"| {library} | missing: {workers[library].missing} | | | |")


if __name__ == "__main__":
    main()
