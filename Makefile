# allegory: `make demo` shows it, `make test` checks it. Python >= 3.11 and make are all that is needed.
# TORCH=torch==2.13.0 (or any requirement) chooses the build of torch; PYTHON chooses the interpreter.
PYTHON ?= python3
TORCH ?= torch
BIN := .venv/bin
ONE_THREAD := OMP_NUM_THREADS=1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint format docs bench clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   learn a representation of handwritten digits and judge it (about a minute)"
	@echo "make test   run the tests            make lint   ruff and mypy"
	@echo "make docs   generate the pages       make bench  run the benchmarks and claims"

.venv/core: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("allegory needs Python 3.11 or newer; choose one with PYTHON=...") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet "$(TORCH)"
	$(BIN)/pip install --quiet --editable .
	@touch $@

.venv/dev: .venv/core
	$(BIN)/pip install --quiet --editable ".[test,docs]"
	@touch $@

demo: .venv/core
	$(BIN)/allegory learn digits --out runs/digits --overwrite

test: .venv/dev
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist loadscope

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/dev
	$(BIN)/python docs/build.py

bench: .venv/dev
	$(ONE_THREAD) $(BIN)/python benchmarks/views.py
	$(BIN)/python benchmarks/probe.py
	$(BIN)/python benchmarks/crash.py --kills 6
	$(BIN)/allegory bench

clean:
	rm -rf .venv build dist .pytest_cache .ruff_cache .mypy_cache
