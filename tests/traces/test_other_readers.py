"""The lines that docs/format.md shows for other readers work as they stand there."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from tracekit.traces import RunWriter, read, write_json

PAGE = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")
*_, BLOCK = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
IMPORTS, *LINES = [line for line in BLOCK.splitlines() if line]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    root = tmp_path_factory.mktemp("readers")
    folder = root / "runs" / "demo"
    for name in ("a", "b"):
        with RunWriter(folder / name, attributes={"seed": 0}, configuration={}, meta={}) as run:
            for step in range(1, 1001):
                run.record(step, 1, "train/loss", 1.0 / step)
                run.record(step, 1, "layer/grad_norm", float("nan"), layer="conv1.weight")
            run.finish()
    write_json(folder / "experiment.json", {"name": "demo"})
    read(folder)  # leaves the index beside the runs
    for aside in (folder / "a" / "quarantine", folder / "quarantine" / "c" / "traces"):
        aside.mkdir(parents=True)
        shutil.copy(next((folder / "a" / "traces").iterdir()), aside)
    return root


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split("(")[0])
def test_a_line_reads_what_tracekit_reads(experiment, monkeypatch, line):
    pytest.importorskip("duckdb", reason="duckdb is not installed; `pip install .[dev]` brings it")
    pytest.importorskip("polars", reason="polars is not installed; `pip install .[dev]` brings it")
    monkeypatch.chdir(experiment)
    names: dict = {}
    exec(IMPORTS, names)
    result = eval(line, names)
    if isinstance(result, pa.Table):
        frame = result.to_pandas()
    elif isinstance(result, pd.DataFrame):
        frame = result
    else:
        frame = result.df() if hasattr(result, "df") else result.to_pandas()
    frame = frame.astype({"run": str})  # categories are in the order of the files
    ours = read("runs/demo", signals="train/loss")
    for name in ("run", "step", "value"):
        assert frame.sort_values(["run", "step"])[name].tolist() == ours[name].tolist()
