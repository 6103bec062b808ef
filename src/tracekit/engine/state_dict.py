"""state_dict: exchange of weights with PyTorch, under its names and in its layout.

PyTorch itself is never imported: arrays go out, and arrays or tensors come in.

Names are those of the model, with "weight" for the scale of a normalization. A model with residual blocks at
its top, as ``resnet20``, has the names that PyTorch programs give to such networks:

=================================  ===========================
here                               there
=================================  ===========================
``conv1.weight``                   ``conv1.weight``
``norm1.scale``                    ``bn1.weight``
``norm1.running_var``              ``bn1.running_var``
``block5.body.conv2.weight``       ``layer2.1.conv2.weight``
``block5.body.norm2.bias``         ``layer2.1.bn2.bias``
``linear1.weight``                 ``linear.weight``
=================================  ===========================

A block with a shortcut of its own begins a stage ("layer2"); blocks are counted from 0 in each stage.

Kernels have the same layout on both sides. The first linear layer after a :class:`Flatten` has not: its inputs
are ordered (pixel, channel) here and (channel, pixel) in PyTorch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracekit.engine.arrays import Array
from tracekit.engine.layers import Composite, Conv2d, Flatten, Layer, LayerNorm, Linear, Residual, Sequential
from tracekit.errors import ArgumentError, ShapeError, argument_sentence


def to_state_dict(model: Sequential, *, in_channels: int | None = None) -> dict[str, np.ndarray]:
    """Return copies of all parameters and buffers as PyTorch names and arranges them.

    As tensors (``torch.from_numpy``), they are what ``Module.load_state_dict`` of the same network takes;
    ``num_batches_tracked``, a counter that enters no result, is left out.

    Parameters
    ----------
    model : Sequential
        A model of one of :data:`tracekit.engine.MODELS`, or one like them.
    in_channels : int, optional
        Channels of the model's input images; needed only if it flattens them before any convolution.

    Raises
    ------
    ArgumentError
        If it depends on the layout of images what an array means, and the layout is not known.
    """
    return {entry.torch_name: entry.exported() for entry in _entries(model, in_channels)}


def load_state_dict(model: Sequential, state: Mapping[str, Any], *, in_channels: int | None = None) -> None:
    """Write the arrays of a PyTorch ``state_dict`` into a model, in place; all of them or none.

    Parameters
    ----------
    model : Sequential
        The same network; keeps its dtype.
    state : mapping of str to array or torch.Tensor
        As `to_state_dict` returns it; a batch normalization's ``num_batches_tracked`` may be there, too.
    in_channels : int, optional
        As for `to_state_dict`.

    Raises
    ------
    ArgumentError
        If a name is missing, unknown or holds no floating-point numbers.
    ShapeError
        If an array has another shape than the model's.
    """
    entries = {entry.torch_name: entry for entry in _entries(model, in_channels)}
    ignored = {re.sub(r"running_mean$", "num_batches_tracked", name) for name in entries} - entries.keys()
    missing = [name for name in entries if name not in state]
    unknown = [name for name in state if name not in entries and name not in ignored]
    if missing or unknown:
        faults = [f"it lacks {_listed(missing)}"] if missing else []
        faults += [f"the model has no {_listed(unknown)}"] if unknown else []
        raise ArgumentError(f"`state` does not fit the model: {', and '.join(faults)}.")
    arrays = {name: _as_array(name, state[name]) for name in entries}
    for name, entry in entries.items():
        if arrays[name].shape != entry.array.shape:
            need = f"must be {entry.array.shape}, as in the model"
            raise ShapeError(argument_sentence(f"state[{name!r}].shape", arrays[name].shape, need))
    for name, entry in entries.items():
        entry.array[...] = entry.imported(arrays[name])


@dataclass(frozen=True, slots=True)
class _Entry:
    """One array of a model, and what it is in PyTorch."""

    torch_name: str
    array: Array  #: the model's own
    n_channels: int  #: of the flattened images that the columns multiply; 1 if they multiply something else

    def exported(self) -> Array:
        """Return a copy in PyTorch's layout."""
        return self._reordered(self.array, (-1, self.n_channels)).copy()

    def imported(self, array: Array) -> Array:
        """Return an array that is in PyTorch's layout in the model's."""
        return self._reordered(array, (self.n_channels, -1))

    def _reordered(self, array: Array, columns: tuple[int, int]) -> Array:
        if self.n_channels == 1:
            return array
        return array.reshape(len(array), *columns).swapaxes(1, 2).reshape(array.shape)


def _entries(model: Sequential, in_channels: int | None) -> Iterator[_Entry]:
    renamed = _stages(model)
    channels, flattened_by = in_channels, ""
    for name, layer in _leaves(model):
        n_channels = 1
        if isinstance(layer, Flatten):
            flattened_by = name
        elif isinstance(layer, Conv2d):
            channels = len(layer.weight.data)
        elif flattened_by and isinstance(layer, Linear):
            n_channels = _checked_channels(channels, flattened_by, layer)
            flattened_by = ""
        elif layer.parameters() and (flattened_by or _normalizes_images(layer)):
            raise ArgumentError(
                f"`model` has {name!r}, whose elements are in an order that PyTorch's are not; leave it out or "
                f"normalize channels instead."
            )
        parameters = {own_name: parameter.data for own_name, parameter in layer.parameters().items()}
        for own_name, array in (parameters | layer.buffers()).items():
            torch_name = _torch_name(name, own_name, renamed)
            yield _Entry(torch_name, array, n_channels if own_name == "weight" else 1)


def _normalizes_images(layer: Layer) -> bool:
    return isinstance(layer, LayerNorm) and layer.scale.ndim > 1


def _checked_channels(channels: int | None, flattened_by: str, layer: Linear) -> int:
    n_features = layer.weight.shape[1]
    if channels is None:
        need = f"must be given, because {flattened_by!r} comes before any convolution"
        raise ArgumentError(argument_sentence("in_channels", channels, need))
    if channels < 1 or n_features % channels:
        need = f"must be at least 1 and divide the {n_features} features that {flattened_by!r} returns"
        raise ArgumentError(argument_sentence("in_channels", channels, need))
    return channels


def _leaves(layer: Layer, name: str = "") -> Iterator[tuple[str, Layer]]:
    """Yield the layers that are not made of others, by full name, in the order of the calls."""
    if not isinstance(layer, Composite):
        yield name, layer
        return
    for part_name, part in layer.parts().items():
        yield from _leaves(part, f"{name}.{part_name}" if name else part_name)


def _stages(model: Sequential) -> dict[str, str]:
    """Say for each residual block at the top of a model which block of which stage it is in PyTorch."""
    renamed: dict[str, str] = {}
    stage, place = 1, 0
    for name, layer in model.layers.items():
        if isinstance(layer, Residual):
            if renamed and layer.shortcut is not None:
                stage, place = stage + 1, 0
            renamed[name] = f"layer{stage}.{place}"
            place += 1
    return renamed


def _torch_name(layer_name: str, own_name: str, renamed: Mapping[str, str]) -> str:
    if renamed:
        top, *inner = layer_name.split(".")
        if top in renamed:
            top, inner = renamed[top], [part for part in inner if part != "body"]
        layer_name = ".".join([top, *inner])
        layer_name = re.sub(r"\bnorm(\d+)$", r"bn\1", layer_name)
        layer_name = re.sub(r"^linear1$", "linear", layer_name)
    return f"{layer_name}.{'weight' if own_name == 'scale' else own_name}"


def _as_array(name: str, value: Any) -> Array:
    array = np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
    if array.dtype.kind != "f":
        need = "must be a floating-point type"
        raise ArgumentError(argument_sentence(f"state[{name!r}].dtype", str(array.dtype), need))
    return array


def _listed(names: Iterable[str]) -> str:
    """Quote the first three names and count the others."""
    first, *others = (repr(name) for name in names)
    shown = [first, *others[:2]]
    return ", ".join(shown) + (f" and {len(others) - 2} more" if len(others) > 2 else "")
