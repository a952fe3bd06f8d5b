# make demo, make test, make lint: each sets up all it needs in .venv and then does its work.
# PYTHON names the Python to build .venv with; 3.11 or later. make clean leaves .venv alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST_FLAGS ?= --numprocesses=auto --dist=worksteal

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint clean setup system
demo: setup
	$(BIN)/secateur run examples/digits.toml --force

test: setup
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright

setup: system $(STAMP)

system:
	@PYTHON="$(PYTHON)" tools/check-system

$(STAMP): requirements/all.txt pyproject.toml | system
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements/all.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf build .pytest_cache .ruff_cache .hypothesis
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
