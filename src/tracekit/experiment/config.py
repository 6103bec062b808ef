"""What to run: a sweep over optimizers x batch sizes x seeds, and the single runs that it expands to."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from tracekit.data import DATASETS
from tracekit.engine import MODELS
from tracekit.engine.optim import OPTIMIZERS
from tracekit.engine.optim.schedules import SCHEDULES
from tracekit.engine.training.loop import Reduction
from tracekit.engine.training.sampling import Sampling, updates_per_epoch
from tracekit.errors import ArgumentError, argument_sentence, unknown_name
from tracekit.record import Preset, Signal, check_schedules, choose_signals, every
from tracekit.registry import Registry
from tracekit.settings import EPOCHS, RECORDING, SWEEP, Setting

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class _Settings(BaseModel):
    """Closed, immutable settings whose errors are one sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise ArgumentError(_one_sentence(error, type(self).model_fields)) from error


def _one_sentence(error: ValidationError, known: Iterable[str]) -> str:
    # A name that is written wrongly is also missing: the first says more.
    first = min(error.errors(), key=lambda entry: entry["type"] != "extra_forbidden")
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, ArgumentError):
        return str(cause)
    # Where in a list a value stands is of no interest: the value itself is shown.
    name = ".".join(part for part in first["loc"] if isinstance(part, str)) or "settings"
    if first["type"] == "extra_forbidden":
        return str(unknown_name("setting", str(first["loc"][-1]), known, listing="tracekit init"))
    if first["type"] == "missing":
        return f"`{name}` is needed and was not given."
    return argument_sentence(name, first["input"], _need(first))


def _need(error: ErrorDetails) -> str:
    """Say what a value must be, as a clause that starts with a verb."""
    context = error.get("ctx", {})
    match error["type"]:
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "less_than":
            return f"must be below {context['lt']}"
        case "int_type" | "int_parsing" | "int_from_float":
            return "must be a whole number"
        case "tuple_type":
            return "must be a value or a list of values"
        case "float_type" | "float_parsing":
            return "must be a number"
        case "literal_error":
            return f"must be {context['expected']}"
        case "too_short":
            return "must not be empty"
        case _:
            return f"cannot be used: {error['msg'][0].lower()}{error['msg'][1:]}"


def _named(kind: str, table: Registry[Any], value: Any) -> dict[str, Any]:
    """Read "adam", "adam:learning_rate=0.01,beta1=0.8" or a table, and complete it by the defaults."""
    if isinstance(value, str):
        name, _, rest = value.partition(":")
        given: dict[str, Any] = {}
        for item in filter(None, rest.split(",")):
            key, equals, text = item.partition("=")
            if not equals:
                need = "must read name:setting=number,..."
                raise ArgumentError(argument_sentence(kind, value, need, "add the missing `=`"))
            given[key.strip()] = _number_or_flag(key.strip(), text.strip())
        value = {"name": name.strip(), **given}
    if not isinstance(value, dict) or "name" not in value:
        raise ArgumentError(argument_sentence(kind, value, "must be a name or a table with a name"))
    settings = {key: setting for key, setting in value.items() if key != "name"}
    return {"name": value["name"], **table[value["name"]].resolve(settings)}


def _optimizer(value: Any) -> dict[str, Any]:
    return _named("optimizer", OPTIMIZERS, value)


def _schedule(value: Any) -> dict[str, Any]:
    return _named("schedule", SCHEDULES, value)


def _number_or_flag(name: str, text: str) -> float | bool:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    raise ArgumentError(argument_sentence(name, text, "must be a number, or true or false"))


def _words(named: dict[str, Any], defaults: dict[str, Any], always: str = "") -> str:
    """Write a resolved table as the command line takes it, defaults left out but for the setting `always`."""
    settings = [
        f"{key}={str(value).lower() if isinstance(value, bool) else value}"
        for key, value in named.items()
        if key == always or (key != "name" and value != defaults.get(key))
    ]
    return ":".join(filter(None, [named["name"], ",".join(settings)]))


def _field(setting: Setting, **checks: Any) -> Any:
    """Make the field of a setting: default and text are the setting's, the type is the annotation's."""
    return Field(default=setting.default, validate_default=True, description=setting.help, **checks)


_MOST_SEEDS = 10_000  # a thousand times what any comparison needs; a slip of the finger has more digits


def _as_list(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


def _seeds(value: Any) -> Any:
    """Read a number of seeds n as 0 ... n-1."""
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if value < 1:
        raise ArgumentError(argument_sentence("seeds", value, "must be at least 1"))
    if value > _MOST_SEEDS:
        raise ArgumentError(argument_sentence("seeds", value, f"must be at most {_MOST_SEEDS}"))
    return list(range(value))


OptimizerSettings = Annotated[dict[str, Any], BeforeValidator(_optimizer)]


class Recording(_Settings):
    """What a run records."""

    preset: Preset | None = _field(RECORDING["preset"])
    signals: tuple[str, ...] | None = _field(RECORDING["signals"])
    every: int = _field(RECORDING["every"])
    #: schedule in words ("every 17", "log 20", "epoch", "at 1,10") by signal or by cost
    schedules: dict[str, str] = _field(RECORDING["schedules"])
    allow_aliasing: bool = _field(RECORDING["allow_aliasing"])
    probe_size: int = _field(RECORDING["probe_size"], ge=0)
    samples: tuple[Annotated[int, Field(ge=0)], ...] = _field(RECORDING["samples"], min_length=1)
    units: tuple[Annotated[int, Field(ge=0)], ...] | None = _field(RECORDING["units"], min_length=1)

    @model_validator(mode="after")
    def _known(self) -> Self:
        every(self.every)
        check_schedules(self.chosen, self.schedules)
        return self

    @property
    def chosen(self) -> list[Signal]:
        """Definitions of all signals to record."""
        return choose_signals(self.signals, preset=self.preset)


class _Common(_Settings):
    """Settings that a sweep and its runs share."""

    dataset: str = _field(SWEEP["dataset"])
    model: str = _field(SWEEP["model"])
    updates: int | None = _field(SWEEP["updates"], ge=1)
    epochs: int | None = _field(SWEEP["epochs"], ge=1)
    sampling: Sampling = _field(SWEEP["sampling"])
    drop_last: bool = _field(SWEEP["drop_last"])
    reduction: Reduction = _field(SWEEP["reduction"])
    label_smoothing: float = _field(SWEEP["label_smoothing"], ge=0.0, lt=1.0)
    dtype: Literal["float32", "float64"] = _field(SWEEP["dtype"])
    schedule: Annotated[dict[str, Any], BeforeValidator(_schedule)] = _field(SWEEP["schedule"])
    #: see `InformationDecay`
    information_decay: Literal["off", "global", "layer"] = _field(SWEEP["information_decay"])
    recording: Recording = Recording()

    @model_validator(mode="before")
    @classmethod
    def _one_length(cls, data: Any) -> Any:
        if isinstance(data, dict):
            if data.get("updates") is not None and data.get("epochs") is not None:
                raise ArgumentError("give `updates` or `epochs`, not both.")
            if data.get("updates") is None and data.get("epochs") is None:
                return {**data, "epochs": EPOCHS}
        return data

    @model_validator(mode="after")
    def _known(self) -> Self:
        DATASETS[self.dataset]
        MODELS[self.model]
        return self


class RunConfig(_Common):
    """The resolved configuration of one run."""

    optimizer: OptimizerSettings
    batch_size: int = Field(ge=1)
    seed: int = Field(ge=0)

    def n_updates(self, n_samples: int) -> int:
        """Length of the run in updates on `n_samples` training samples; ArgumentError if a batch is larger."""
        per_epoch = updates_per_epoch(n_samples, self.batch_size, self.drop_last)
        return self.updates or per_epoch * (self.epochs or EPOCHS)

    @property
    def attributes(self) -> dict[str, str | int | float]:
        """What tells this run from the others of a sweep."""
        # A method that sets its own step size has no learning rate; its column is then empty.
        rate = {key: self.optimizer[key] for key in ("learning_rate",) if key in self.optimizer}
        others = {key: value for key, value in self.optimizer.items() if key not in rate}
        return {
            # With the settings that are not the defaults: a variant is not the method that it varies.
            "optimizer": _words(others, OPTIMIZERS[self.optimizer["name"]].defaults),
            "batch_size": self.batch_size,
            **rate,
            "seed": self.seed,
        }


class Sweep(_Common):
    """Every optimizer x batch size x seed, trained and recorded in the same way.

    Runs of the same seed share their initial weights, and at the same batch size their order of
    samples, whatever the optimizer: differences between optimizers are paired differences.

    Examples
    --------
    >>> from tracekit import Sweep
    >>> sweep = Sweep(optimizers=["sgd", "adam:learning_rate=0.002"], batch_sizes=[50, 100], seeds=3)
    >>> len(list(sweep.runs()))
    12
    """

    optimizers: Annotated[tuple[OptimizerSettings, ...], BeforeValidator(_as_list)] = _field(
        SWEEP["optimizers"], min_length=1
    )
    batch_sizes: Annotated[tuple[Annotated[int, Field(ge=1)], ...], BeforeValidator(_as_list)] = _field(
        SWEEP["batch_sizes"], min_length=1
    )
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_seeds)] = _field(
        SWEEP["seeds"], min_length=1
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for name in ("batch_sizes", "seeds"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise ArgumentError(argument_sentence(name, list(values), "must not repeat a value"))
        names = [name for name, _ in self.named_runs()]
        if len(set(names)) != len(names):
            raise ArgumentError("two optimizers are the same; remove one of them.")
        return self

    @classmethod
    def from_toml(cls, path: str | Path, **overrides: Any) -> Self:
        """Read a sweep from a TOML file; keyword arguments win over the file, those of `recording` one by one."""
        try:
            data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ArgumentError(f"cannot read {path} ({error.strerror or error}).") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ArgumentError(f"{path} is not valid TOML ({error}).") from error
        if overrides.keys() & {"updates", "epochs"}:
            data = {key: value for key, value in data.items() if key not in ("updates", "epochs")}
        if isinstance(data.get("recording"), dict) and "recording" in overrides:
            overrides["recording"] = {**data["recording"], **overrides["recording"]}
        return cls(**{**data, **overrides})

    def runs(self) -> Iterator[RunConfig]:
        """Expand to single runs, in the order batch size, seed, optimizer."""
        shared = {name: getattr(self, name) for name in _Common.model_fields}
        for batch_size in self.batch_sizes:
            for seed in self.seeds:
                for optimizer in self.optimizers:
                    yield RunConfig(**shared, optimizer=dict(optimizer), batch_size=batch_size, seed=seed)

    def named_runs(self) -> list[tuple[str, RunConfig]]:
        """Pair each run with its folder name, e.g. ``adam-lr0.001-b50-s0``.

        Where two optimizers of a sweep differ in another setting only, the name says which.
        """
        named = []
        for run in self.runs():
            kin = [other for other in self.optimizers if other["name"] == run.optimizer["name"]]
            differing = [
                f"{key}{value:g}"
                for key, value in run.optimizer.items()
                if key not in ("name", "learning_rate") and len({other.get(key) for other in kin}) > 1
            ]
            rate = [f"lr{run.optimizer['learning_rate']:g}"] if "learning_rate" in run.optimizer else []
            stem = "-".join([run.optimizer["name"], *rate, *differing])
            named.append((f"{stem}-b{run.batch_size}-s{run.seed}", run))
        return named

    def command(self, out: str) -> str:
        """Write the shell line that repeats this sweep."""
        values = {name: getattr(self, name) for name in SWEEP}
        values["optimizers"] = [
            _words(optimizer, OPTIMIZERS[optimizer["name"]].defaults, always="learning_rate")
            for optimizer in self.optimizers
        ]
        values["schedule"] = _words(self.schedule, SCHEDULES[self.schedule["name"]].defaults)
        words = ["tracekit", "run"]
        for name, setting in SWEEP.items():
            if name == "seeds":  # `--seeds` is their number
                words += [word for seed in self.seeds for word in ("--seed", str(seed))]
            else:
                words += setting.words(values[name])
        for name, setting in RECORDING.items():
            words += setting.words(getattr(self.recording, name))
        return shlex.join([*words, "--out", out])
