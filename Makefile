# What README.md tells a newcomer to type. Everything is installed into .venv from pyproject.toml.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DEMO   := runs/demo
REPORT := reports/demo

# Else each of the many processes that tests and sweeps start would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test verify check docs bench calibrate clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("tracekit needs Python 3.11 or newer, $(PYTHON) is %d.%d: run make PYTHON=python3.11" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $(STAMP)

# Train SGD and Adam at four batch sizes with five seeds each on real images, label and report.
demo: $(STAMP)
	$(BIN)/tracekit run --optimizer sgd --optimizer adam \
		--batch-size 50 --batch-size 100 --batch-size 150 --batch-size 200 \
		--seeds 5 --updates 600 --out $(DEMO) --overwrite
	$(BIN)/tracekit label $(DEMO)
	$(BIN)/tracekit report $(DEMO) -o $(REPORT) --overwrite

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist worksteal

# Every optimizer against PyTorch's own or the published rule, step by step.
verify: $(STAMP)
	$(BIN)/python -m tests.reference.verify_optimizers

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The documentation site, in build/docs/index.html; a warning is an error.
docs: $(STAMP)
	$(BIN)/sphinx-build -q -W --keep-going -b html docs build/docs
	$(BIN)/sphinx-build -q -W --keep-going -b doctest docs build/doctest

# The tables of docs/performance.md, on a machine that does nothing else: eight minutes. PyTorch is the peer, where it
# is installed (`.venv/bin/pip install torch`).
bench: $(STAMP)
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/recording_peers.py

# Full-size simulations of the error rates that the documentation quotes: half an hour on two busy cores.
calibrate: $(STAMP)
	$(BIN)/python -m tracekit_analysis.calibration.page --out docs/methods/calibration.md --jobs 2
	cp docs/methods/calibration/labels.csv docs/methods/calibration/rates.csv src/tracekit/report/calibration/
	$(BIN)/python -m tracekit_analysis.calibration.grid_page --out docs/methods/calibration-grids.md --jobs 2

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis docs/_generated
