# `make demo` and `make test` each do all the set-up of a fresh machine with Python 3.11 or newer.
# On Linux, say `make test TORCH_INDEX=https://download.pytorch.org/whl/cpu` for PyTorch's CPU build.

PYTHON ?= python3
TORCH_INDEX ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
EXTRAS := smp hf clearml mlflow tensorboard optuna ray onnx openvino
TOOLS := formats metrics

.PHONY: help demo test test-extras lint types docs bench clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## the built-in data through everything, in about five minutes
	$(BIN)/maskwright demo

test: lint types ## all that is checked: style, types, architecture, unit and browser tests, a short training
	$(BIN)/python -m pytest

test-extras: $(EXTRAS:%=test-extra-%) $(TOOLS:%=test-tools-%) ## each group of optional dependencies with the real packages

test-extra-%: .venv-%/ready
	MASKWRIGHT_EXTRA=$* .venv-$*/bin/python -m pytest tests/extras/$*

test-tools-%: .venv-%/tools
	MASKWRIGHT_EXTRA=$* QT_QPA_PLATFORM=offscreen .venv-$*/bin/python -m pytest tests/extras/$*

lint: $(READY) ## format and style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY) ## mypy, strict, on the package
	$(BIN)/mypy

docs: $(READY) ## write docs/cli.md and docs/recipe.md anew
	$(BIN)/python docs/generate.py

bench: $(READY) ## what the README's figures were measured with, one JSON value each
	@for script in benchmarks/*.py; do echo "$$script" >&2; $(BIN)/python "$$script" || exit 1; done

clean: ## take away what make and the tests have made
	rm -rf $(VENV) $(EXTRAS:%=.venv-%) $(TOOLS:%=.venv-%) .mypy_cache .ruff_cache .pytest_cache dist build

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; say: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
ifneq ($(TORCH_INDEX),)
	$(BIN)/python -m pip install --no-deps --index-url $(TORCH_INDEX) --constraint constraints.txt torch
endif
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --group dev
	@touch $@

# Each group of extras has an environment of its own: torchvision, which smp brings along, disturbs other packages.
.venv-%/ready: pyproject.toml constraints.txt constraints-%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
ifneq ($(TORCH_INDEX),)
	.venv-$*/bin/python -m pip install --no-deps --index-url $(TORCH_INDEX) --constraint constraints.txt torch
endif
	.venv-$*/bin/python -m pip install --quiet --constraint constraints.txt --constraint constraints-$*.txt --editable '.[$*]' pytest playwright
	@touch $@

# Other tools that our files are exchanged with, or our scores compared with. Some want older packages than the tested
# set, so that their own file of constraints says whether it holds.
.venv-%/tools: pyproject.toml constraints.txt constraints-%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
ifneq ($(TORCH_INDEX),)
	.venv-$*/bin/python -m pip install --no-deps --index-url $(TORCH_INDEX) --constraint constraints-$*.txt torch
endif
	.venv-$*/bin/python -m pip install --quiet --constraint constraints-$*.txt --editable . --group $* pytest
	@touch $@

.PRECIOUS: .venv-%/ready .venv-%/tools
