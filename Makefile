BIN := .venv/bin
DATA := $(BIN)/coverage report --precision=2

.PHONY: help setup demo docs report check tracer managers test test-clients torture bench lock clean
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 18

setup: ## make .venv from the lock file, install the package editable, switch on the hooks of .githooks
	@tools/venv dev
	@if [ "$$(git rev-parse --show-toplevel 2>/dev/null)" = "$(realpath .)" ] && \
	    [ "$$(git config core.hooksPath)" != .githooks ]; then git config core.hooksPath .githooks; fi

demo: setup ## a walk through the tool on made-up logs
	@$(BIN)/python tools/demo.py

docs: setup ## write what the program prints into README and docs
	$(BIN)/python tools/docs_help.py

report: setup ## render this repository's own ledger into metrics/report.md
	@mkdir -p metrics
	@tools/tally report --output metrics/report.md

check: setup ## lint, format, types, import contracts, dependencies, changelog
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry src
	$(BIN)/towncrier build --draft --version next >/dev/null
	@if [ "$$(git rev-parse --show-toplevel 2>/dev/null)" = "$(realpath .)" ] && \
	    git rev-parse --quiet --verify origin/main >/dev/null && ! git diff --quiet origin/main... -- src; then \
	    $(BIN)/towncrier check --compare-with origin/main; fi

tracer: ## install strace, by which tests make system calls fail; where that can't be, they say so and are skipped
	@command -v strace >/dev/null || ! command -v apt-get >/dev/null || [ "$$(id -u)" != 0 ] || \
	    { apt-get update -qq && apt-get install -qq -y --no-install-recommends strace; } >/dev/null 2>&1 || \
	    echo "strace can't be installed here: its tests are skipped"

managers: ## install the hook managers beside which tests commit; where that can't be, they are left out
	@command -v npm >/dev/null && npm ci --silent --ignore-scripts --no-audit --no-fund --prefix tests/torture/managers || \
	    echo "husky and lefthook can't be installed here: tests go without them"

test: check ## check, then every test with its coverage gates: what CI runs
	@rm -f .coverage .coverage.*
	HYPOTHESIS_PROFILE=ci $(BIN)/pytest -n auto --cov --cov-report=
	$(DATA) --fail-under=95
	$(DATA) --fail-under=100 --include='src/tallybook/domain/*'
	$(DATA) --fail-under=100 --include='src/tallybook/ledger/*'

test-clients: setup ## the tests that drive real agent programs
	$(BIN)/pytest -m clients

torture: setup tracer managers ## the ledger under faults, the hooks in every surrounding at full size; SEED=1 ROWS=flip,truncate JOBS=2; a table in bench/results
	@PYTHONPATH=tests $(BIN)/python -m tools.torture $(if $(SEED),--seed $(SEED)) $(if $(ROWS),--rows $(ROWS)) \
	    $(if $(JOBS),--jobs $(JOBS)) $(if $(PARTS),--parts $(PARTS)) $(if $(SMALL),--small) $(if $(ONLY),--only '$(ONLY)')

bench: setup ## every benchmark in bench/; the table goes to bench/results
	@PYTHONPATH=tests $(BIN)/python -m bench.run

lock: setup ## make the lock files anew from pyproject.toml
	@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet 'uv>=0.9'
	$(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header \
	    pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header \
	    pyproject.toml --group dev -o requirements-dev.lock

clean: ## remove what can be made again, .venv too
	rm -rf .venv build dist .coverage .coverage.* .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find src tests tools bench -name __pycache__ -type d -prune -exec rm -rf {} +
