# `make run` and `make test` need Python 3.11 or 3.12 and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOME_DIR ?= home
CUSTOMERS ?= 20000
SERVE ?= 1
UV := $(shell command -v uv 2>/dev/null)

# uv when it is there, plain venv and pip when it is not; the lock file holds the versions for both.
ifdef UV
install_extras = $(UV) venv -q --allow-existing --python $(PYTHON) $(VENV) && \
	$(UV) pip install -q --python $(BIN)/python -c requirements.lock -e '.[$(1)]'
else
install_extras = $(PYTHON) -m venv $(VENV) && \
	$(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock -e '.[$(1)]'
endif

.PHONY: help install run test nightly soak lint format notebooks bench lock clean

help: ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

install: $(VENV)/.run ## make .venv with `holdfast` in it

$(VENV)/.run: pyproject.toml requirements.lock
	$(call install_extras,train$(comma)serve$(comma)postgres)
	@echo "compiling what reads facts and decides (a minute, once)"
	@$(BIN)/python -m serving.warm
	@touch $@

$(VENV)/.dev: pyproject.toml requirements.lock
	$(call install_extras,dev)
	@$(BIN)/python -m serving.warm
	@touch $@ $(VENV)/.run

comma := ,

run: $(VENV)/.run ## simulate, check, train, promote, score; then serve (SERVE=0: do not)
	$(BIN)/holdfast simulate --home $(HOME_DIR) --customers $(CUSTOMERS)
	$(BIN)/holdfast check --home $(HOME_DIR)
	$(BIN)/holdfast train --home $(HOME_DIR)
	$(BIN)/holdfast promote --home $(HOME_DIR)
	$(BIN)/holdfast score --home $(HOME_DIR)
ifneq ($(SERVE),0)
	$(BIN)/holdfast serve --home $(HOME_DIR) --sandbox
endif

lint: $(VENV)/.dev ## ruff, mypy strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Two files at a time, in the order of tests/conftest.py.
test: lint ## lint, types and tests
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

nightly: $(VENV)/.dev ## the tests that take minutes: twenty random moments of every fault
	$(BIN)/pytest -m nightly -n 2 --dist loadfile

# HOLDFAST_SOAK_SECONDS=60 for a short one.
soak: $(VENV)/.dev ## ten minutes of requests with swaps of weeks and killed workers
	$(BIN)/pytest -m soak -s tests/serving/test_faults_load.py

notebooks: $(VENV)/.dev ## run the notebooks into .ipynb
	cd notebooks && ../$(BIN)/jupytext --to ipynb --execute *.py

bench: $(VENV)/.dev ## every claim beside its peer, at a size that takes minutes
	$(BIN)/python -m benchmarks.features --customers 200000
	$(BIN)/python -m benchmarks.reasons --customers 200000
	$(BIN)/python -m benchmarks.drift
	$(BIN)/python -m benchmarks.off_policy
	$(BIN)/python -m benchmarks.spark --customers 200000

lock: ## resolve the versions anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --all-extras --upgrade pyproject.toml -o requirements.lock

clean: ## remove what was made, but no home
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
