# `make leaderboard` and `make test` are all a newcomer needs; `make help` lists the rest.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
UV := $(VENV)-lock/bin/uv

.DEFAULT_GOAL := help
.PHONY: help leaderboard test bench check lint types contracts lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Two stamps: what running needs, and what developing needs on top of it.
$(VENV)/.runtime: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

leaderboard: $(VENV)/.runtime ## refresh once and print the boards
	@$(BIN)/pertoken refresh --or-recorded
	@$(BIN)/pertoken leaderboard

test: $(VENV)/.dev ## the whole suite: unit, captures, contracts
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.dev ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy --strict
	$(BIN)/mypy

contracts: $(VENV)/.dev ## which package may import which
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## every figure of docs/performance.md
	$(BIN)/python -m bench.all --out figures.json

check: lint types contracts test ## everything .ci/run runs

lock: ## resolve both lock files anew, with hashes and without addresses
	@test -x $(UV) || ($(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet uv)
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras --no-header \
	  --group build -c constraints.txt pyproject.toml -o requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras --no-header \
	  --group build --extra dev -c constraints.txt -c requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## remove the environment and caches, never data/
	rm -rf $(VENV) $(VENV)-lock .mypy_cache .ruff_cache .pytest_cache .hypothesis
