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
    "settings": {"errors"},
    "engine": {"errors", "registry"},
    "traces": {"errors"},
    "record": {"engine", "traces", "errors", "registry"},
    "data": {"errors", "registry"},
    "experiment": {"engine", "traces", "record", "data", "errors", "registry", "settings", "__version__"},
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


#: Wing of the analysis -> wings below it; a wing imports itself and these only. "" is the root.
WINGS = {
    "": set(),
    "series": {""},
    "tables": {""},
    "seeds": {""},
    "statistics": {"", "series", "seeds"},
    "features": {"", "series", "seeds", "tables", "statistics"},
    "labels": {"", "series", "seeds", "tables", "statistics", "features"},
    "comparisons": {"", "series", "seeds", "tables", "statistics", "features"},
    "claims": {"", "series", "seeds", "tables", "statistics", "features", "labels", "comparisons"},
    "calibration": {
        "",
        "series",
        "seeds",
        "tables",
        "statistics",
        "features",
        "labels",
        "comparisons",
        "claims",
    },
}


def is_entrance(name, path):
    """Whether a module is a way in, which may name what lies above: a package's face, the accessor, the command."""
    return path.name in ("__init__.py", "__main__.py") or name == "tracekit_analysis.accessor"


def house():
    """All modules by name, entrances left out, each with the modules that it imports."""
    paths = {}
    for root in (SOURCE, ANALYSIS):
        for path in modules(root):
            name = ".".join([root.name, *path.relative_to(root).with_suffix("").parts])
            paths[name] = path
    rooms = {name: path for name, path in paths.items() if not is_entrance(name, path)}
    # "a.b.c" is the module a.b.c or the name c in module a.b.
    found = {name: {one for full in imported(path) for one in (full, full.rpartition(".")[0])}
             for name, path in rooms.items()}  # fmt: skip
    return {name: (names & set(rooms)) - {name} for name, names in found.items()}


def above_a_circle(imports):
    """Modules that are left when those go, again and again, that import nothing that is left."""
    while ground := {name for name, below in imports.items() if not below & set(imports)}:
        imports = {name: below for name, below in imports.items() if name not in ground}
    return imports


def test_no_modules_import_each_other_in_a_circle():
    assert above_a_circle(house()) == {}


def test_a_circle_would_be_found():
    assert set(above_a_circle({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()})) == {"a", "b", "c"}


def test_a_wing_of_the_analysis_imports_lower_wings_only():
    def wing(name):
        _, *words, _ = name.split(".")
        return words[0] if words else ""

    wrong = [
        f"{name} imports {other}"
        for name, below in house().items()
        for other in below
        if name.startswith("tracekit_analysis.") and wing(other) not in WINGS[wing(name)] | {wing(name)}
    ]
    assert wrong == []


def test_contributors_read_the_same_table_of_wings():
    text = (Path(__file__).parents[1] / "docs" / "contributing.md").read_text(encoding="utf-8")
    for wing, below in WINGS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{wing or 'root'}"))
        named = {word.strip("` ") for word in row.split("|")[2].split(",")} - {"–"}
        assert named == {one or "root" for one in below}, wing


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
