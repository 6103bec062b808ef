"""Settings of a sweep: one entry each, from which files, options, environment variables and the model are made.

An entry gives a setting its name, its default and its text. From it come

- the field's default and description in `Sweep` and `Recording` (`tracekit.experiment.config`, which adds the type),
- the option of `tracekit run`, and with it the environment variable (``TRACEKIT_RUN_`` and the option's name),
- the line in the file that `tracekit init` writes,
- the words in the command line that repeats a sweep (`Sweep.command`).

Nothing heavy is imported here: `tracekit --help` reads this module, and must not wait for a numerical package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tracekit.errors import ArgumentError, argument_sentence

#: Length of a run in epochs where neither updates nor epochs are given.
EPOCHS = 1


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; a flag turns its default around."""

    name: str  #: in a file and in Python
    type: Any  #: of the option: str, int, float or bool, or a list of one of these for an option that is repeated
    default: Any  #: `...` where one must be given
    help: str  #: one sentence, without the default
    option: str = ""  #: name of the option, with underscores; the setting's own unless said
    metavar: str | None = None  #: what help shows in place of a value
    completes: str = ""  #: function of `tracekit.cli.completion` that offers values
    otherwise: str = ""  #: what holds where none is given, in words; the default unless said
    example: Any = None  #: value that `tracekit init` shows; the default unless said
    in_force: bool = False  #: whether it shows it as a setting, not as a comment
    comment: str = ""  #: what it says beside the value; `help` unless said
    left_out: bool = False  #: whether the line that repeats a sweep leaves it out at its default

    @property
    def parameter(self) -> str:
        """Name of the option as a parameter in Python, with underscores."""
        return self.option or self.name

    @property
    def flag(self) -> str:
        """Name of the option on the command line."""
        return "--" + self.parameter.replace("_", "-")

    @property
    def repeats(self) -> bool:
        """Whether the option may be repeated."""
        return self.type in (list[str], list[int])

    @property
    def option_help(self) -> str:
        """Text of the option, with the default."""
        text = self.help.removesuffix(".") + "; may be repeated" * self.repeats
        known = "" if self.type is bool or self.default in (..., None, {}) else _written(self.default)
        return text + _default(self.otherwise or known) + "."

    @property
    def file_comment(self) -> str:
        """Text in the file that `tracekit init` writes."""
        text = self.comment or self.help.removesuffix(".")
        return text[:1].lower() + text[1:] + _default(self.otherwise)

    @property
    def shown(self) -> Any:
        """Value in the file that `tracekit init` writes."""
        return self.default if self.example is None else self.example

    def from_option(self, value: Any) -> Any:
        """Return the setting that an option stands for; None where it was not given."""
        if self.type is bool:
            return not self.default if value else None
        if self.repeats and not value:
            return None
        return dict(_pair(self.parameter, text) for text in value) if self.default == {} else value

    def words(self, value: Any) -> list[str]:
        """Write a setting as the command line takes it."""
        if value is None or (self.left_out and value == self.default):
            return []
        if self.type is bool:
            return [self.flag] if value != self.default else []
        if isinstance(value, Mapping):
            value = [f"{key}={text}" for key, text in value.items()]
        values = value if isinstance(value, (list, tuple)) else [value]
        return [word for each in values for word in (self.flag, str(each))]


def _written(default: Any) -> str:
    """Write a default as a person types it."""
    values = default if isinstance(default, tuple) else (default,)
    return ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)


def _default(words: str) -> str:
    return f" (default: {words})" if words else ""


def _pair(option: str, text: str) -> tuple[str, str]:
    """Part SIGNAL=WHEN."""
    name, equals, when = text.partition("=")
    if not equals:
        raise ArgumentError(
            argument_sentence(option, text, "must read SIGNAL=WHEN, such as 'sample=every 5'")
        )
    return name.strip(), when.strip()


def _table(*settings: Setting) -> dict[str, Setting]:
    return {setting.name: setting for setting in settings}


#: Settings of a sweep, in the order of help and of the file.
SWEEP = _table(
    Setting(
        "dataset",
        str,
        "digits",
        "Data set, see `tracekit list datasets`.",
        completes="datasets",
        in_force=True,
    ),
    Setting(
        "model",
        str,
        "small_cnn",
        "Model, see `tracekit list models`.",
        completes="models",
        in_force=True,
    ),
    Setting(
        "optimizers",
        list[str],
        ...,
        "Optimizer, e.g. adam or adam:learning_rate=0.01,beta1=0.8, see `tracekit list optimizers`.",
        option="optimizer",
        completes="optimizers",
        in_force=True,
        comment="`tracekit list optimizers`",
    ),
    Setting(
        "batch_sizes",
        list[int],
        (100,),
        "Batch size.",
        option="batch_size",
        example=[50, 100],
        in_force=True,
    ),
    Setting(
        "seeds",
        int,
        1,
        "Number of seeds: 0, 1, ...; labels need 5, comparisons 10.",
        example=5,
        in_force=True,
        comment="a number, or a list such as [0, 1, 2]; labels need 5, comparisons 10",
    ),
    Setting("updates", int, None, "Length of each run in updates.", example=600, in_force=True),
    Setting(
        "epochs",
        int,
        None,
        "Length of each run in epochs, instead of updates.",
        otherwise=str(EPOCHS),
        example=EPOCHS,
    ),
    Setting(
        "sampling",
        str,
        "reshuffle",
        "Order of the samples: reshuffle, fixed_batches (built once, their order shuffled) or with_replacement.",
    ),
    Setting(
        "drop_last",
        bool,
        True,
        "Keep the last, smaller batch of an epoch.",
        option="keep_last",
        comment="leave out the last, smaller batch of an epoch",
    ),
    Setting("reduction", str, "mean", "How sample gradients combine over the batch: mean or sum."),
    Setting("label_smoothing", float, 0.0, "Share of the target spread over all classes.", left_out=True),
    Setting(
        "schedule",
        str,
        "constant",
        "Learning-rate schedule, e.g. cosine:warmup=100, see `tracekit list schedules`.",
        completes="schedules",
        example={"name": "cosine", "warmup": 100},
        comment="`tracekit list schedules`",
        left_out=True,
    ),
    Setting(
        "information_decay",
        str,
        "off",
        "Lower the rate as information about the labels stops growing: off, global or layer.",
        left_out=True,
    ),
    Setting("dtype", str, "float32", "Format of the numbers: float32 or float64."),
)

#: Settings of what is recorded: the table [recording] of a file.
RECORDING = _table(
    Setting(
        "preset",
        str,
        None,
        "Signals to record: minimal, standard or full, see `tracekit list signals`.",
        completes="presets",
        otherwise="standard, none where signals are named",
        example="standard",
        in_force=True,
    ),
    Setting(
        "signals",
        list[str],
        None,
        "Signal to record beside the preset's.",
        option="signal",
        completes="signals",
        example=["noise/scale"],
    ),
    Setting("every", int, 1, "Record every this many updates; 1 or odd."),
    Setting(
        "schedules",
        list[str],
        {},
        "When to record a signal, or all signals of a cost, e.g. 'sample=every 5', 'curvature=log 9'.",
        option="record",
        metavar="SIGNAL=WHEN",
        example={"sample": "every 5", "curvature": "log 9"},
        comment="when to record a signal, or all signals of a cost",
    ),
    Setting("allow_aliasing", bool, False, "Let strides share a factor with the updates of an epoch."),
    Setting(
        "samples",
        list[int],
        (0,),
        "Batch position for signals of chosen samples.",
        option="sample",
        left_out=True,
    ),
    Setting(
        "units",
        list[int],
        None,
        "Penultimate unit for signals of chosen units.",
        option="unit",
        otherwise="all",
        example=[0, 1],
    ),
    Setting(
        "probe_size",
        int,
        32,
        "Images in the fixed probe batch, from the test set's start; 0: none, and no signals of it.",
    ),
)


def given(table: Mapping[str, Setting], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a table that options were given for, by name."""
    values = {name: setting.from_option(options[setting.parameter]) for name, setting in table.items()}
    return {name: value for name, value in values.items() if value is not None}
