"""The recorder: what it keeps, leaves out, survives and refuses."""

import time
from dataclasses import replace

import numpy as np
import pytest

from tests.record.recorded_runs import rectified_network, smooth_network
from tracekit.data import load_dataset
from tracekit.engine import build_model
from tracekit.engine.layers import Dropout, Flatten, Linear, Sequential
from tracekit.engine.optim import build_optimizer
from tracekit.engine.training.loop import Observer, train
from tracekit.errors import ArgumentError
from tracekit.experiment import Sweep, run_sweep
from tracekit.experiment.config import RunConfig
from tracekit.experiment.run import check_run, execute_run
from tracekit.record import SIGNALS, Recorder, choose_signals, for_model, plan
from tracekit.record.curvature import check_per_sample
from tracekit.record.summary import SUMMARY
from tracekit.traces import RunWriter, open_experiment, read, signal_names

EVERY_COST = dict.fromkeys(("free", "batch", "probe", "sample", "curvature"), "every 1")


class Rows(RunWriter):
    """Keeps what is recorded in memory."""

    def __init__(self):
        self.rows = {}

    def record_row(self, step, epoch, columns, values):
        for (signal, layer, index), value in zip(columns.channels, values, strict=True):
            so_far = self.rows.get((signal, layer, step), np.zeros(0))
            assert so_far.size == (index or 0)
            self.rows[signal, layer, step] = np.append(so_far, value)

    def table(self):
        return {key: value.tobytes() for key, value in self.rows.items()}


def run(
    recorders, *, n_updates=8, learning_rate=0.1, build=smooth_network, start=0, model=None, optimizer=None
):
    rng = np.random.default_rng(3)
    images, labels = rng.normal(size=(30, 4, 4, 1)), rng.integers(3, size=30)
    model = model or build(np.float64)
    parameters = {name: tensor.data for name, tensor in model.parameters().items()}
    return train(
        model,
        optimizer or build_optimizer("sgd", parameters, learning_rate=learning_rate),
        images,
        labels,
        batch_size=6,
        n_updates=n_updates,
        order_rng=np.random.default_rng(1),
        dropout_rng=np.random.default_rng(2),
        observers=recorders,
        start=start,
    )


def recorder(rows, signals=None, **settings):
    probe = np.random.default_rng(4).normal(size=(5, 4, 4, 1)), np.arange(5) % 3
    return Recorder(rows, signals=signals, probe=probe, evaluation=probe, **settings)


def everything(**schedules):
    chosen = [entry for entry in SIGNALS.values() if entry.name != "time/seconds"]
    return plan(chosen, n_updates=8, updates_per_epoch=5, schedules={**EVERY_COST, **schedules})


def test_what_is_recorded_does_not_depend_on_what_else_is():
    together = Rows()
    run([recorder(together, everything())])
    for entry in everything():
        alone = Rows()
        run([recorder(alone, [entry])])
        assert alone.table().items() <= together.table().items(), entry.signal.name
    assert len(together.rows) > 1000


def test_training_does_not_depend_on_what_is_recorded():
    class Last(Observer):
        def on_step(self, step):
            self.parameters = {name: array.tobytes() for name, array in step.parameters.items()}

    bare, seen = Last(), Last()
    run([bare])
    run([recorder(Rows(), everything()), seen])
    assert bare.parameters == seen.parameters


def test_signals_that_compare_updates_do_so_on_any_schedule():
    all_of_them, some = Rows(), Rows()
    names = ["layer/grad_cosine", "layer/grad_flips", "layer/distance"]
    run([recorder(all_of_them, choose_signals(names))])
    run([recorder(some, choose_signals(names), schedule=lambda step: step in (1, 4, 8))])
    assert {step for _, _, step in some.rows} == {1, 4, 8}
    assert {key for key in some.rows if key[0] != "layer/distance"} == {
        (name, layer, step)
        for name in names[:2]
        for layer in smooth_network(np.float64).parameters()
        for step in (4, 8)
    }
    assert some.table().items() <= all_of_them.table().items()


def test_a_recorder_that_takes_up_anothers_state_records_the_same():
    class Stop(Observer):
        def __init__(self, watched, last):
            self.watched, self.last = watched, last

        def on_update_end(self, step):
            if step == self.last:
                self.state = self.watched.state()

    names = ["layer/grad_cosine", "layer/distance", "information/predictions", "information/layers"]
    names += ["curvature/hessian_top"]
    whole, first, second = Rows(), Rows(), Rows()
    run([recorder(whole, choose_signals(names))])
    for last in (3, 5, 6):
        model = smooth_network(np.float64)
        parameters = {name: tensor.data for name, tensor in model.parameters().items()}
        optimizer = build_optimizer("sgd", parameters, learning_rate=0.1)
        first, second = Rows(), Rows()
        before = recorder(first, choose_signals(names))
        stop = Stop(before, last)
        run([before, stop], n_updates=last, model=model, optimizer=optimizer)
        after = recorder(second, choose_signals(names))
        # An epoch's end is reported at the last update of all as well; a resumed run has not seen that.
        state = stop.state if last == 5 else _with_codes(whole_state(last, names), stop.state)
        after.restore(state)
        run([after], model=model, optimizer=optimizer, start=last)
        again = {key: value for key, value in whole.table().items() if key[2] > last}
        assert second.table() == again


def whole_state(last, names):
    """State after some updates of the whole training."""

    class Look(Observer):
        def on_update_end(self, step):
            if step == last:
                self.state = watched.state()

    watched, look = recorder(Rows(), choose_signals(names)), Look()
    run([watched, look])
    return look.state


def _with_codes(state, partial):
    codes = {key: array for key, array in state.items() if key.startswith(("codes", "labels"))}
    return {key: array for key, array in partial.items() if not key.startswith(("codes", "labels"))} | codes


@pytest.mark.parametrize("build", [smooth_network, rectified_network])
@pytest.mark.parametrize("learning_rate", [1e6, 1e50, 1e100, 1e200, 1e300])
def test_nothing_crashes_when_the_training_diverges(build, learning_rate):
    rows = Rows()
    result = run(
        [recorder(rows, everything(curvature="at 1,2,3,4"))],
        n_updates=12,
        learning_rate=learning_rate,
        build=build,
    )
    last = {name: value for (name, _, step), value in rows.rows.items() if step == result.step}
    assert result.status == "finished" or not np.isfinite(last["train/loss"])
    recorded = {
        next(name for name in SIGNALS if SIGNALS[name].is_recorded_as(key)) for key, _, _ in rows.rows
    }
    costly = {entry.signal.name for entry in everything() if entry.signal.cost in ("sample", "curvature")}
    assert costly <= recorded


def test_without_probe_batch_and_test_set_their_signals_are_left_out():
    rows = Rows()
    run([Recorder(rows)])
    names = {name for name, _, _ in rows.rows}
    assert "train/logits/mean" in names
    assert "information/predictions/mutual" in names
    assert not [name for name in names if name.startswith(("probe/", "eval/"))]


def test_calls_are_captured_only_when_they_are_read():
    class Look(Observer):
        def __init__(self):
            self.captured = []

        def on_step(self, step):
            if step.calls:
                self.captured.append(step.step)

    look = Look()
    chosen = plan(
        choose_signals(["noise/cosine", "train/loss"]),
        n_updates=8,
        updates_per_epoch=5,
        schedules={"sample": "at 2,7"},
    )
    run([recorder(Rows(), chosen), look])
    assert look.captured == [2, 7]


@pytest.mark.parametrize("build", [smooth_network, rectified_network])
def test_looking_for_per_sample_gradients_leaves_the_model_as_it_is(build):
    model = build(np.float32)
    before = {name: (tensor.data.tobytes(), tensor.grad) for name, tensor in model.parameters().items()}
    check_per_sample(model, (4, 4, 1))
    assert before == {
        name: (tensor.data.tobytes(), tensor.grad) for name, tensor in model.parameters().items()
    }


def test_models_that_mix_samples_are_refused_by_the_names_of_the_signals():
    model = build_model("resnet8", input_shape=(8, 8, 1), n_classes=10, rng=0)
    buffers = {name: array.copy() for name, array in model.buffers().items()}
    names = ["train/loss", "noise/scale", "curvature/tic_trace"]
    with pytest.raises(ArgumentError) as caught:
        for_model(choose_signals(names), model, (8, 8, 1), named=names)
    assert str(caught.value) == (
        "'noise/scale', 'curvature/tic_trace' cannot be recorded with this model, because layer 'norm1' (BatchNorm) "
        "mixes the samples of a batch in training, so that no gradient belongs to one sample; leave them out, as the "
        "preset 'standard' does."
    )
    assert all(np.array_equal(array, buffers[name]) for name, array in model.buffers().items())
    names = ["curvature/hessian_top", "train/loss"]
    kept, note = for_model(choose_signals(names), model, (8, 8, 1), named=names)
    assert (len(kept), note) == (2, "")
    digits = load_dataset("digits")
    settings = {"optimizer": "sgd", "batch_size": 100, "seed": 0, "updates": 2, "model": "resnet8"}
    for named in ({"signals": ["noise/scale"]}, {"schedules": {"noise/scale": "every 1"}}):
        with pytest.raises(ArgumentError, match=r"^'noise/scale' cannot be recorded with this model"):
            check_run(RunConfig(**settings, recording={"preset": "full"} | named), digits)
    assert check_run(RunConfig(**settings), digits) == ""


def test_a_preset_leaves_out_what_a_model_does_not_have_and_says_so(tmp_path, caplog):
    sweep = Sweep(
        optimizers=["sgd", "adam"],
        batch_sizes=[100],
        updates=2,
        model="resnet8",
        recording={"preset": "full"},
    )
    experiment = run_sweep(sweep, tmp_path / "x", jobs=1)
    assert [run.status for run in experiment.runs] == ["finished"] * 2
    recorded = set(experiment.runs[0].configuration["recorded"])
    absent = [e.name for e in choose_signals(None, preset="full") if "per-sample gradients" in e.reads]
    assert recorded == {e.name for e in choose_signals(None, preset="full")} - set(absent)
    (record,) = caplog.records
    assert record.getMessage() == (
        f"Not recorded: {', '.join(absent)}, because layer 'norm1' (BatchNorm) mixes the samples of a batch in "
        "training, so that no gradient belongs to one sample."
    )


def test_curvature_of_a_model_with_batch_norm_leaves_its_moments_alone(tmp_path):
    digits = load_dataset("digits")
    settings = {"optimizer": "sgd", "batch_size": 10, "seed": 0, "updates": 2, "model": "resnet8"}
    names = ["train/loss", "layer/grad_norm"]
    for folder, signals in (("with", [*names, "curvature/alpha"]), ("without", names)):
        config = RunConfig(**settings, recording={"signals": signals})
        execute_run(config, digits, tmp_path / folder)
    frame = read(tmp_path)
    frame = frame[frame["signal"].isin(names)]
    values = {run: rows["value"].to_numpy() for run, rows in frame.groupby("run", observed=True)}
    assert np.array_equal(values["with"], values["without"])


def test_the_choice_is_in_the_runs_configuration(tmp_path):
    config = RunConfig(
        optimizer="adam",
        batch_size=400,
        seed=0,
        updates=8,
        model="softmax_regression",
        recording={
            "signals": ["train/loss", "noise/cosine", "eval/loss", "train/sample_logits"],
            "every": 5,
            "schedules": {"train/loss": "every 1"},
            "samples": [2, 0],
        },
    )
    execute_run(config, load_dataset("digits"), tmp_path / "x")
    import tracekit

    (kept,) = tracekit.open_experiment(tmp_path / "x").runs
    assert kept.configuration["recorded"] == {
        "train/loss": "every 1",
        "noise/cosine": "every 17",
        "eval/loss": "epoch end",
        "train/sample_logits": "every 5",
    }
    frame = read(tmp_path / "x")
    logits = frame[frame["signal"] == "train/sample_logits"]
    assert sorted(logits["step"].unique()) == [1, 6]
    assert logits["index"].max() == 19


def test_second_derivatives_are_those_of_the_first_samples():
    from tracekit.record import Selection

    names = ["curvature/hessian_trace", "curvature/hessian_top", "curvature/alpha", "curvature/tic_trace"]
    of_three, of_all, of_short_batch = Rows(), Rows(), Rows()
    run([recorder(of_three, choose_signals(names), selection=Selection(curvature=3))], n_updates=1)
    run([recorder(of_all, choose_signals(names), selection=Selection(curvature=100))], n_updates=1)

    class FirstThree(Recorder):
        def on_step(self, step):
            super().on_step(replace(step, images=step.images[:3], labels=step.labels[:3]))

    probe = np.random.default_rng(4).normal(size=(5, 4, 4, 1))[:3], np.arange(3)
    run([FirstThree(of_short_batch, signals=choose_signals(names), probe=probe)], n_updates=1)
    assert of_three.table() == of_short_batch.table()
    assert not set(of_three.table().values()) & set(of_all.table().values())


def test_positions_outside_of_the_batch_are_refused():
    from tracekit.record import Selection

    with pytest.raises(ArgumentError) as caught:
        run([recorder(Rows(), choose_signals(["train/sample_logits"]), selection=Selection(samples=(0, 6)))])
    assert str(caught.value) == "`samples` (=(0, 6)) must lie in 0 ... 5, for there are 6."


def test_per_sample_gradients_are_those_of_the_training_pass_with_its_dropout():
    """Of the same dropout alone is ‖ḡ‖² the squared norm of the gradient that the optimizer was given."""

    def network(dtype):
        return Sequential(
            {
                "flatten": Flatten(),
                "linear1": Linear(16, 20, rng=0, dtype=dtype),
                "dropout1": Dropout(0.5),
                "linear2": Linear(20, 3, rng=1, dtype=dtype),
            }
        )

    rows = Rows()
    names = ["noise/scale", "layer/grad_norm"]
    run(
        [
            recorder(
                rows,
                plan(
                    choose_signals(names),
                    n_updates=8,
                    updates_per_epoch=5,
                    schedules={"batch": "every 1", "sample": "every 1"},
                ),
            )
        ],
        build=network,
    )
    for step in range(1, 9):
        norms = [
            value for (name, _, at), value in rows.rows.items() if at == step and name == "layer/grad_norm"
        ]
        squared = (
            rows.rows["noise/scale/squared_norm", None, step] + rows.rows["noise/scale/trace", None, step] / 6
        )
        assert squared == pytest.approx(sum(norm**2 for norm in norms), rel=1e-5)


def test_what_float32_cannot_hold_is_kept_as_it_is(tmp_path):
    """Bit for bit through the store: 1e300 must not become infinite, nor 1e-300 zero."""
    kept = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e308, -1e300, 1e-300, -5e-324, 1e-40, 1e-45, 3.5e38, 1.5]
    rounded = [0.1, -1.0e30, 1.3e-38, 3.4028234663852886e38, 3.4028235e38]
    values = np.array([*kept, *rounded])
    entry = replace(
        SIGNALS["train/sample_logits"], name="odd", index="number", fields=(), function=lambda now: values
    )
    with RunWriter(tmp_path / "a", attributes={"seed": 0}, configuration={}, meta={}) as writer:
        run([Recorder(writer, signals=[entry])], n_updates=1)
        writer.finish()
    expected = np.concatenate([kept, np.array(rounded, np.float32).astype(np.float64)])
    assert read(tmp_path)["value"].to_numpy().tobytes() == expected.tobytes()


def test_a_recorder_in_a_plain_training_loop_leaves_parts_in_time(tmp_path):
    class Slow(Observer):
        def on_update_end(self, step):
            time.sleep(0.03)

    with RunWriter(
        tmp_path / "a", attributes={"seed": 0}, configuration={}, meta={}, flush_seconds=0.1
    ) as writer:
        run([Recorder(writer, signals=choose_signals(["train/loss"])), Slow()], n_updates=30)
        writer._settle()
        assert read(tmp_path)["step"].max() >= 10
        writer.finish()


def test_the_store_has_the_units_of_the_definitions(tmp_path):
    chosen = choose_signals(["train/loss", "train/logits"])
    with RunWriter(tmp_path / "a", attributes={"seed": 0}, configuration={}, meta={}) as writer:
        run([Recorder(writer, signals=chosen)], n_updates=1)
        writer.finish()
    (entry,) = open_experiment(tmp_path).runs
    units = {name: entry.unit(name) for name in signal_names(entry)}
    assert units["train/loss"] == "nat"
    assert {name for name, unit in units.items() if unit == "logit"} == {
        f"train/logits/{field}" for field in SUMMARY if field not in ("skewness", "kurtosis")
    }
    assert units["train/logits/kurtosis"] == ""
