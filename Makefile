# The commands of this repository; `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install install-test run test lint types walls docs-check bench bench-anonymiser anonymiser-model faults generate lock attacks clean

PYTHON := .venv/bin/python
ANONYMISER := services/intake/training/anonymiser
CODE := libs services gateway deploy docs tests
# In this order what takes longest begins first, and short tests fill what is left at the end.
TESTS := $(wildcard tests/system tests/attacks tests/browser tests/integration tests/contract tests/unit)
# So many processes run the tests, a file at a time each; 0: this one alone.
WORKERS := 2
SHARED_OUT := --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
# Addresses of our own machine never go through a proxy.
export NO_PROXY := 127.0.0.1,localhost,$(NO_PROXY)
export no_proxy := $(NO_PROXY)

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  Options go in ARGS, for example: make run ARGS=--check'

install: ## Install what running needs: .venv, PostgreSQL and RabbitMQ programs
	@deploy/local/install.sh run

install-test: ## Install what the tests need as well: tools, Chromium, kubectl
	@deploy/local/install.sh test

run: install ## Run the whole system on this machine (ARGS=--fresh, ARGS=--check)
	@$(PYTHON) -m local run $(ARGS)

test: lint types walls docs-check ## Run all checks and all tests (ARGS='-k word' for some, WORKERS=0)
	@$(PYTHON) -m pytest $(TESTS) $(SHARED_OUT) $(ARGS)

lint: install-test ## Check style and format
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .

types: install-test ## Check types (mypy, strict)
	@$(PYTHON) -m mypy $(CODE)

walls: install-test ## Check who may import whom (import-linter)
	@.venv/bin/lint-imports

docs-check: install-test ## Check that generated documents and schemas are up to date
	@$(PYTHON) docs/generate.py --check

generate: install-test ## Write generated documents and schemas anew
	@$(PYTHON) docs/generate.py

lock: install-test ## Write requirements.lock anew: the hashes of every release in constraints.txt
	@deploy/lock.sh

bench: install-test ## Measure against the limits; prints a table, writes .run/bench.json
	@$(PYTHON) -m tests.bench $(ARGS)

bench-anonymiser: install-test ## Measure the anonymiser on held-out reports; prints each figure and its aim
	@$(PYTHON) $(ANONYMISER)/measure.py ../shared/data/anonymiser/labelled.jsonl:dev ../shared/data/anonymiser/labelled.jsonl:test

anonymiser-model: install-test ## Train the anonymiser's name model anew from the sentences in the repository
	@$(PYTHON) $(ANONYMISER)/train.py

faults: install-test ## Kill every process and count what is lost; writes .run/faults.json
	@$(PYTHON) -m tests.faults $(ARGS)

attacks: install-test ## Try every known attack at length; prints what was tried and what succeeded
	@VERMOEDEN_ATTACKS=long $(PYTHON) -m pytest tests/attacks $(ARGS)

clean: ## Remove what was made: .venv, .run with all data, caches
	@deploy/local/clean.sh
