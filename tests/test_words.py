"""Plain words: the dialect of the first release, counted in everything that a user or a contributor reads."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACES = ("README.md", "docs", "src", "analysis")
KINDS = (".py", ".pyi", ".md", ".html", ".typ", ".js", ".css")
DIALECT = re.compile(
    r"\ba (row|value|panel|dot|seed|run|line|file) a\b|\bgo(es)? on\b|\bto and fro\b|\bthere (is|are) to\b|\banew\b",
    re.IGNORECASE,
)

#: File, part of the line -> why the words are right in their place.
RIGHT_HERE: dict[tuple[str, str], str] = {}


def lines():
    for place in PLACES:
        root = ROOT / place
        for path in [root] if root.is_file() else sorted(root.rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in KINDS and not re.search(r"_generated|templates/uplot|build/", name):
                for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                    yield name, number, line


@pytest.mark.parametrize(
    "sentence", ["A row a run.", "It goes on.", "movement to and fro", "what there is to see", "read anew"]
)
def test_the_dialect_would_be_found(sentence):
    assert DIALECT.search(sentence)


def test_users_read_plain_words():
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, number, line in lines()
        if DIALECT.search(line) and not any(name == file and part in line for file, part in RIGHT_HERE)
    ]
    assert found == []


def test_every_exception_is_still_needed():
    there = {
        (file, part)
        for file, part in RIGHT_HERE
        for name, _, line in lines()
        if name == file and part in line
    }
    assert there == set(RIGHT_HERE)
