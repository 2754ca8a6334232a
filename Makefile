# Everything runs in .venv, made at the first use. `make help` lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test check lint bench soak compare compare-collectors fuzz clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## Replay real events, kill the collector meanwhile, print the answers, serve (ONCE=1: stop after)
	@$(BIN)/trackway demo $(if $(ONCE),--once)

test: $(VENV)/.dev ## Run the whole test suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

check: lint test ## Lint, types, imports, tests: what a change must pass

lint: $(VENV)/.dev ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## Print the benchmark table; wants two quiet cores
	$(BIN)/python -m tests.benchmarks

soak: $(VENV)/.dev ## Half an hour of load while processes, ClickHouse, disk and clock break (SOAK="--minutes 5")
	$(BIN)/python -m tests.soak $(SOAK)

compare: $(VENV)/.dev ## Run other clients and ours through the same trouble; writes docs/compare_sdks.md
	$(BIN)/python -m tests.benchmarks.peers --write

compare-collectors: $(VENV)/.dev ## Drive and kill other servers and ours; writes docs/compare_collectors.md
	$(BIN)/python -m tests.benchmarks.collectors --write

fuzz: $(VENV)/.dev ## Search for bytes that break the decoder, for an hour (SECONDS=60: for a minute)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris || echo "No atheris for this Python: by chance alone."
	nice -n 19 $(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),3600)

clean: ## Remove .venv and every cache
	rm -rf $(VENV) .bench-venv .clients .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .fuzz build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Trackway needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Write: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	@echo "Installing Trackway into $(VENV). The embedded ClickHouse engine makes it about 900 MB."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all]'
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@
