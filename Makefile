# Everything a developer runs. Needs Python >= 3.11 with venv, make and git; the rest is fetched into .venv.

PYTHON ?= python3
JOBS   ?= 2
ARGS   ?=

# Each is a project of its own, with its own pyproject.toml, README, source and tests.
ADAPTERS := $(patsubst %/pyproject.toml,%,$(wildcard adapters/*/pyproject.toml))

VENV := .venv
RUN  := $(VENV)/bin/python -m
# A file stays in one worker: the examples of a page need the names of those before them.
TEST := $(RUN) pytest -n $(JOBS) --dist loadfile
PIP  := $(RUN) pip --disable-pip-version-check --quiet
# What the benchmarks compare with lives apart, so that neither changes the other.
PEERS := build/peers-venv

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup demo examples test check lint cover fix bench bench-quick bench-docs soak build conformance clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/ready-lint ## make .venv with everything a developer needs

demo: $(VENV)/ready-demo ## run the demo: the chain against a real server (ARGS="--break flags" breaks a part)
	@$(RUN) demo $(ARGS)

examples: $(VENV)/ready-demo ## run the examples: data fetching and A/B testing, each against a real server
	@for example in data_fetching ab_testing; do echo "-- $$example"; $(RUN) examples.$$example || exit; done

test: $(VENV)/ready-test ## run all tests, warnings are errors (ARGS="-k settle", JOBS=1)
	@$(TEST) $(ARGS)

check: lint build cover ## run every gate: what must pass before a change lands

lint: $(VENV)/ready-lint ## check format, style, types, the typing tests and the floors of the house
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy
	@$(RUN) typing_tests.verify
	@$(VENV)/bin/lint-imports --no-logo

cover: $(VENV)/ready-test ## run all tests and ask for 100 % branch coverage
	@$(TEST) --cov --cov-report=term-missing $(ARGS)

fix: $(VENV)/ready-lint ## format, and mend what can be mended without thought
	@$(RUN) ruff check --fix-only .
	@$(RUN) ruff format .

bench: $(VENV)/ready-test $(PEERS)/ready ## measure speed and memory beside floors and peers, five to ten minutes (ARGS="W7 W8")
	@$(RUN) tests.benchmarks $(ARGS)

bench-quick: $(VENV)/ready-test $(PEERS)/ready ## the same with fewer repetitions and sizes, within two minutes
	@$(RUN) tests.benchmarks --quick $(ARGS)

bench-docs: $(VENV)/ready-test $(PEERS)/ready ## the same as bench, and put tables and curves into docs/how-fast.md
	@$(RUN) tests.benchmarks --write-docs $(ARGS)

soak: $(VENV)/ready-test ## 10 million writes, a million runs, a thousand systems, 10,000 modules: does anything grow? (ARGS="--share 0.01" for less)
	@$(RUN) tests.benchmarks.soak $(ARGS)

build: $(VENV)/ready-lint ## build the wheels, install each alone elsewhere and try it there
	@rm -rf dist
	@for project in . $(ADAPTERS); do $(RUN) build --no-isolation --outdir dist $$project || exit; done
	@$(call try_wheels,directive_trio-,tests/house/installed_wheel.py)
	@for adapter in $(ADAPTERS); do \
	$(call try_wheels,directive_trio-*.whl dist/directive_trio_$${adapter#adapters/}-,tests/house/installed_adapter.py,$(CURDIR)/$$adapter) \
	|| exit; done

conformance: $(VENV)/ready-lint ## let the official realtime clients judge our test server, and take ours to a server not ours (needs the network, is no part of check)
	@$(RUN) adapters.realtime.conformance

clean: ## remove .venv and everything that was made
	@rm -rf $(VENV) build dist .coverage .coverage.* htmlcov .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- set-up: a file in .venv says what is installed; it is done again when one of the files below changes ---

REQUIREMENTS := pyproject.toml constraints.txt $(ADAPTERS:=/pyproject.toml)

$(VENV)/ready-demo: $(VENV)/pyvenv.cfg $(REQUIREMENTS)
	$(call install,[demo])
	@touch $@

$(VENV)/ready-test: $(VENV)/pyvenv.cfg $(REQUIREMENTS)
	$(call install,[demo$(comma)test],[test])
	@touch $(VENV)/ready-demo $@

$(VENV)/ready-lint: $(VENV)/pyvenv.cfg $(REQUIREMENTS)
	$(call install,[demo$(comma)test$(comma)lint],[test])
	@touch $(VENV)/ready-demo $(VENV)/ready-test $@

$(PEERS)/ready: $(VENV)/pyvenv.cfg tests/benchmarks/peers.txt
	@echo "Installing what the benchmarks compare with into $(PEERS) (once) ..."
	@$(RUN) venv --clear $(PEERS)
	@$(PEERS)/bin/python -m pip --disable-pip-version-check --quiet install -r tests/benchmarks/peers.txt
	@touch $@

comma := ,

# The build backend first and at its pinned version, so that pip need not fetch another one.
define install
@echo "Installing $(1) into $(VENV) (once; again when $(REQUIREMENTS) change) ..."
@$(PIP) install -c constraints.txt hatchling
@$(PIP) install -c constraints.txt --no-build-isolation -e '.$(1)' $(foreach adapter,$(ADAPTERS),-e '$(adapter)$(2)')
endef

# In an environment that holds nothing else: the wheels named $(1), tried by the script $(2) with what is in $(3).
define try_wheels
(elsewhere=$$(mktemp -d) && trap 'rm -rf "$$elsewhere"' EXIT && mkdir "$$elsewhere/empty" \
&& $(RUN) venv "$$elsewhere/venv" \
&& "$$elsewhere/venv/bin/python" -m pip --disable-pip-version-check --quiet install -c constraints.txt dist/$(1)*.whl \
&& script="$$PWD/$(2)" && cd "$$elsewhere/empty" && "$$elsewhere/venv/bin/python" -I "$$script" $(3))
endef

# A .venv that was copied or moved along with the checkout still points to the old one: make it anew.
ifneq ($(shell cat $(VENV)/made-for 2>/dev/null),$(CURDIR))
.PHONY: $(VENV)/pyvenv.cfg
endif

$(VENV)/pyvenv.cfg:
	@command -v $(PYTHON) >/dev/null \
	|| { echo "directive-trio needs Python 3.11 or newer; there is no '$(PYTHON)'. Name yours: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "directive-trio needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	|| { echo "'$(PYTHON)' cannot make virtual environments: its venv or ensurepip module is missing. On Debian and Ubuntu install the package python3-venv, then run make again." >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@echo '$(CURDIR)' >$(VENV)/made-for
