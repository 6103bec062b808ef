"""The house rules that a machine can hold: who imports whom, what importing costs, what is shipped."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "tracekit"
ANALYSIS = Path(__file__).parents[1] / "analysis" / "tracekit_analysis"

#: Part -> parts of the repository that it may import (itself is understood).
MAY_IMPORT = {
    "errors": set(),
    "registry": {"errors"},
    "engine": {"errors", "registry"},
    "traces": {"errors"},
    "record": {"engine", "traces", "errors", "registry"},
    "data": {"errors", "registry"},
    "experiment": {"engine", "traces", "record", "data", "errors", "registry", "__version__"},
    "report": {"traces", "errors", "registry", "tracekit_analysis", "__version__"},
}


def modules(folder):
    return sorted(path for path in folder.rglob("*.py"))


def imported(path):
    """Full names that a module imports anywhere in it, type-checking blocks included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_parts_import_only_what_the_house_plan_allows(part):
    home = SOURCE / part
    for path in modules(home) if home.is_dir() else [SOURCE / f"{part}.py"]:
        for name in imported(path):
            words = [*name.split("."), "(the package itself)"]
            if words[0] == "tracekit":
                assert words[1] in MAY_IMPORT[part] | {part}, f"{path} imports {name}"
            elif words[0] == "tracekit_analysis":
                assert words[0] in MAY_IMPORT[part], f"{path} imports {name}"


def test_the_analysis_layer_stands_alone():
    for path in modules(ANALYSIS):
        assert not [name for name in imported(path) if name.split(".")[0] == "tracekit"], path


def in_fresh_interpreter(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_engine_loads_numpy_only():
    listed = in_fresh_interpreter(
        "import sys; import tracekit.engine, tracekit.engine.optim, tracekit.engine.training.loop; print(*sys.modules)"
    )
    loaded = {name.split(".")[0] for name in listed.split()}
    assert "numpy" in loaded
    assert not loaded & {
        "scipy",
        "pandas",
        "pyarrow",
        "matplotlib",
        "statsmodels",
        "pydantic",
        "sklearn",
        "rich",
    }


def test_the_command_tree_loads_nothing_heavy():
    listed = in_fresh_interpreter("import sys; import tracekit.cli.app; print(*sys.modules)")
    loaded = {name.split(".")[0] for name in listed.split()}
    assert not loaded & {"numpy", "scipy", "pandas", "pyarrow", "matplotlib", "pydantic", "sklearn"}


def test_no_module_is_longer_than_a_reader_can_hold():
    long = {
        path: len(path.read_text(encoding="utf-8").splitlines())
        for path in modules(SOURCE) + modules(ANALYSIS)
    }
    assert {str(path): lines for path, lines in long.items() if lines > 400} == {}


def test_both_packages_are_typed():
    assert (SOURCE / "py.typed").exists()
    assert (ANALYSIS / "py.typed").exists()
