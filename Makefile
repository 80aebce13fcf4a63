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

.PHONY: help install run test lint format types notebooks bench lock clean

help: ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

install: $(VENV)/.run ## make .venv with `holdfast` in it

$(VENV)/.run: pyproject.toml requirements.lock
	$(call install_extras,train$(comma)serve)
	@echo "compiling the fact reader (half a minute, once)"
	@$(BIN)/python -m features.warm
	@touch $@

$(VENV)/.dev: pyproject.toml requirements.lock
	$(call install_extras,dev)
	@touch $@ $(VENV)/.run

comma := ,

lint: $(VENV)/.dev ## ruff, mypy strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint ## lint, types and tests
	$(BIN)/pytest

lock: ## resolve the versions anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --all-extras --upgrade pyproject.toml -o requirements.lock
