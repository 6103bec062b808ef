"""Report writer: reads an experiment, analyses it once, composes the sections, and writes four files."""

from __future__ import annotations

import functools
import html
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tracekit import __version__
from tracekit.errors import ArgumentError, OutputExistsError, StoreError, argument_sentence
from tracekit.report.document import Document, Section, count
from tracekit.report.faces.html import render_html
from tracekit.report.faces.pdf import render_pdf
from tracekit.report.material.gathering import gather
from tracekit.report.material.material import DEFAULT_SIGNAL, Material, Settings
from tracekit.report.sections import SectionEntry, compose, in_order
from tracekit.report.workers import prepare
from tracekit.traces import open_experiment
from tracekit.traces.files import make_folder, write_whole
from tracekit_analysis.tables.parallel import map_in_order

HTML_FILE = "report.html"
PDF_FILE = "report.pdf"
METRICS_FILE = "metrics.csv"
LABELS_FILE = "labels.csv"


@dataclass(frozen=True, slots=True)
class ReportPaths:
    """Paths of a report's four files."""

    html: Path  #: the report as one self-contained page
    pdf: Path  #: the same document, typeset
    metrics: Path  #: one row per series, full precision
    labels: Path  #: one row per configuration, full precision

    def _repr_html_(self) -> str:
        """Return links to the four files, for notebooks."""
        links = "".join(
            f'<li><a href="{html.escape(path.as_posix(), quote=True)}">{html.escape(path.name)}</a></li>'
            for path in (self.html, self.pdf, self.metrics, self.labels)
        )
        return f"<ul>{links}</ul>"


def write_report(
    path: str | Path,
    output: str | Path,
    *,
    signal: str = DEFAULT_SIGNAL,
    margin: float = 0.2,
    level: float = 0.95,
    by: Sequence[str] | None = None,
    overwrite: bool = False,
    jobs: int | None = None,
) -> ReportPaths:
    """Write the report of an experiment: HTML, PDF, and its two tables as CSV.

    Parameters
    ----------
    path : str or Path
        Folder of an experiment, or of a single run.
    output : str or Path
        Folder for the report; created if needed.
    signal : str
        The signal whose lower bound decides the labels.
    margin : float
        Largest index I that counts as stable, in lower half-spreads; positive.
    level : float
        Confidence level of the intervals, between 0 and 1.
    by : sequence of str, optional
        Attributes that tell configurations apart; by default those that vary between runs.
    overwrite : bool
        Replace the files of an earlier report in the folder.
    jobs : int, optional
        Number of processes; two by default for large experiments. The files do not depend on it.

    Returns
    -------
    ReportPaths

    Raises
    ------
    OutputExistsError
        The folder holds a report, and `overwrite` is false.
    StoreError
        The store holds no runs or is damaged, or the output cannot be written; no file is written then.
    ArgumentError
        `margin`, `level` or `jobs` is out of range, or no run has recorded the requested `signal`.
    """
    if not margin > 0:
        raise ArgumentError(argument_sentence("margin", margin, "must be positive", "0.2 is usual"))
    if not 0 < level < 1:
        raise ArgumentError(argument_sentence("level", level, "must lie between 0 and 1", "0.95 is usual"))
    folder = Path(output)
    paths = ReportPaths(*(folder / name for name in (HTML_FILE, PDF_FILE, METRICS_FILE, LABELS_FILE)))
    _refuse_to_replace(paths, overwrite=overwrite)
    experiment = open_experiment(path)
    jobs = prepare(experiment, jobs)
    material = gather(
        experiment, Settings(signal, margin, level, None if by is None else tuple(by)), jobs=jobs
    )
    document = compose_document(material, jobs=jobs)
    contents = {
        paths.html: render_html(document),
        paths.pdf: render_pdf(document),
        paths.metrics: _csv(material.features),
        paths.labels: _csv(material.labels),
    }
    make_folder(folder)
    for file, content in contents.items():
        write_whole(file, _writer(content))
    return paths


def compose_document(material: Material, *, jobs: int = 1) -> Document:
    """Compose all sections in order, on `jobs` processes."""
    experiment = material.experiment
    created = str(experiment.record.get("created") or "")
    version = f"tracekit {__version__}"
    configuration = experiment.record.get("configuration") or {}
    named = [str(configuration[name]) for name in ("dataset", "model") if configuration.get(name)]
    facts = [
        ", ".join(named),
        count(len(experiment.runs), "run"),
        count(len(material.rows), "optimizer"),
        count(len(material.batch_sizes), "batch size"),
        count(int(material.last_step), "update"),
        f"recorded {created[:10]}" if created else "",
    ]
    return Document(
        title=experiment.name,
        facts=tuple(fact for fact in facts if fact),
        sections=_sections(material, jobs),
        created=created,
        generator=version,
    )


def _sections(material: Material, jobs: int) -> tuple[Section, ...]:
    if jobs == 1:
        return tuple(compose(entry, material) for entry in in_order())
    pickled = pickle.dumps(material)
    return tuple(map_in_order(_compose_from, ((entry, pickled) for entry in in_order()), jobs=jobs))


def _compose_from(entry: SectionEntry, pickled: bytes) -> Section:
    return compose(entry, _unpickled(pickled))


@functools.lru_cache(maxsize=1)
def _unpickled(pickled: bytes) -> Any:
    """Unpickle once per worker, for all the sections that it composes."""
    return pickle.loads(pickled)


def _refuse_to_replace(paths: ReportPaths, *, overwrite: bool) -> None:
    there = [file for file in (paths.html, paths.pdf, paths.metrics, paths.labels) if file.exists()]
    if there and not overwrite:
        raise OutputExistsError(f"{there[0]} exists; choose another folder, or pass --overwrite.")
    if paths.html.parent.exists() and not paths.html.parent.is_dir():
        raise StoreError(f"{paths.html.parent} is a file; give a folder for the report.")


def _writer(content: bytes) -> Callable[[Path], Any]:
    return lambda file: file.write_bytes(content)


def _csv(table: pd.DataFrame) -> bytes:
    """Write a table with all digits, so that floats read back to the same value."""
    return table.to_csv(index=False, lineterminator="\n").encode("utf-8", "backslashreplace")
