# Needs Python 3.11–3.13 and nothing else. PYTHON=/path/to/python says which one makes .venv; PORT=8600 moves the dashboard.
SHELL := /bin/sh
PORT ?= 8501
PYTHONS := $(if $(PYTHON),"$(PYTHON)",python3.13 python3.12 python3.11 python3 python)
IN_RANGE := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PIP := .venv/bin/python -m pip install --disable-pip-version-check --requirement

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint format check bench

help:
	@echo "make run     the dashboard on http://127.0.0.1:$(PORT) (PORT=8600 make run: another port)"
	@echo "make test    every test that this machine can run"
	@echo "make check   ruff, mypy and the tests"
	@echo "make format  put the code into the project's format"
	@echo "make bench   the measurements of benchmarks/README.md"

# Local files may be opened below the home folder and runs may be large, so only this computer may ask, and only under its own name.
run: .venv/.run
	@CNNVIZ_LOCAL_ROOT="$${CNNVIZ_LOCAL_ROOT-$$HOME}" CNNVIZ_MODELS="$${CNNVIZ_MODELS-1}" \
		CNNVIZ_RUN_SIZE="$${CNNVIZ_RUN_SIZE-4000}" CNNVIZ_RUN_MEMORY="$${CNNVIZ_RUN_MEMORY-1GB}" \
		CNNVIZ_RUN_MINUTES="$${CNNVIZ_RUN_MINUTES-240}" CNNVIZ_RUN_DOWNLOAD="$${CNNVIZ_RUN_DOWNLOAD-1000}" \
		exec .venv/bin/python -m streamlit run app.py \
		--server.port $(PORT) --server.address 127.0.0.1 \
		--server.allowedHosts 127.0.0.1 --server.allowedHosts localhost

test: .venv/.dev
	.venv/bin/python -m pytest

lint: .venv/.dev
	.venv/bin/python -m ruff check
	.venv/bin/python -m ruff format --check
	.venv/bin/python -m mypy

format: .venv/.dev
	.venv/bin/python -m ruff check --fix
	.venv/bin/python -m ruff format

check: lint test

bench: .venv/.bench
	@set -e; for file in benchmarks/bench_*.py; do \
		echo "== $$file"; .venv/bin/python -m benchmarks.$$(basename $$file .py); done

.venv/.run: requirements.txt .venv/bin/python
	$(PIP) requirements.txt
	@touch $@

.venv/.dev: requirements-dev.txt requirements.txt .venv/bin/python
	$(PIP) requirements-dev.txt
	@touch .venv/.run $@

.venv/.bench: requirements-bench.txt requirements-dev.txt requirements.txt .venv/bin/python
	$(PIP) requirements-bench.txt
	@touch .venv/.run .venv/.dev $@

# Each candidate is run, not only looked up: version managers leave commands that find nothing to start.
.venv/bin/python:
	@for python in $(PYTHONS); do \
		if "$$python" -c '$(IN_RANGE)' 2>/dev/null; then \
			echo "Making .venv with $$("$$python" --version)"; exec "$$python" -m venv --clear .venv; \
		fi; \
	done; \
	echo 'No Python from 3.11 to 3.13 (with its venv module) among: $(PYTHONS).' >&2; \
	echo 'Install one, or name it: PYTHON=/path/to/python3.12 make run' >&2; \
	exit 1
