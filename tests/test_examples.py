"""The names that users meet first have examples in their docstrings, and the examples run as they stand."""

import doctest
import importlib
import inspect
import pkgutil
import tempfile

import pytest

import tracekit_analysis
from tracekit.engine import OPS

WINGS = {module.name for module in pkgutil.iter_modules(tracekit_analysis.__path__) if module.ispkg}
EXEMPT = WINGS | {"AnalysisError"}

#: Where each name is imported from; those of the analysis are all that its entrance offers.
PLACES = [
    *(f"tracekit_analysis:{name}" for name in tracekit_analysis.__all__ if name not in EXEMPT),
    "tracekit:open_experiment",
    "tracekit:read",
    "tracekit.engine:Conv2d",
    "tracekit.engine:Linear",
    "tracekit.engine:Sequential",
    "tracekit.engine:Tensor",
    "tracekit.engine:build_model",
    "tracekit.engine:check_gradient",
    "tracekit.engine:no_grad",
    "tracekit.engine:primitive",
    "tracekit.engine.optim:build_optimizer",
    "tracekit.engine.training.loop:train",
    "tracekit.traces:RunWriter",
]


def named(place):
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def full_names():
    """Return the names that a doctest finder gives the examples that run here, so that no other test runs them."""
    return {f"{thing.__module__}.{thing.__qualname__}" for thing in map(named, PLACES)}


@pytest.fixture
def no_traces(monkeypatch, tmp_path):
    """Files that an example makes go when the tests end, and ops that it defines when it ends."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    len(OPS)  # has its own ops loaded
    monkeypatch.setattr(OPS, "_entries", dict(OPS))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.usefixtures("no_traces")
def test_the_examples_of_a_first_name_hold(place):
    thing = named(place)
    assert "\n\nExamples\n--------\n>>> " in inspect.getdoc(thing), f"{place} needs a section Examples"
    # Without globals: what an example uses, it imports.
    (test,) = doctest.DocTestFinder(recurse=False).find(thing, place, globs={})
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said = []
    runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)
