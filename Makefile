# Verbs for people. Everything is installed into .venv in this folder; nothing outside it is touched but caches.
PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
CODE := schemas router workers adapters sparring tests $(wildcard examples benchmarks)
# fewest: the version of a package that CI runs is the one that every Python gets.
LOCK := --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-emit-index-url --no-emit-find-links \
        --no-header --quiet --overrides requirements/overrides.txt

# An installed uv is taken; else one is put into a venv of its own.
UV := $(shell command -v uv || echo .venv-uv/bin/uv)

.DEFAULT_GOAL := help
.PHONY: help setup demo test check chaos fuzz bench lock clean

help:  ## print the verbs
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(STAMP)  ## install everything, locked and hashed, into .venv; Kafka into the cache folder

demo: setup  ## a real Kafka, two real models, a random split, a shadow deploy; KEEP=1 keeps the data
	$(BIN)/python -m examples.demo $(if $(KEEP),--keep)

# Four test processes keep two cores busy while some of them wait. They share one Kafka and one Valkey. The tests of a file
# run in one process (exceptions: tests/scheduling.py), in the order of the files: the long ones are not the last.
# The services keep what they compile: without bytecode each of them compiles everything anew.
test: setup  ## the whole suite on a real Kafka and a real Valkey; ARGS="-k name" chooses
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup  ## ruff, format, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports --no-cache

chaos: setup  ## every fault twenty times under load, then backpressure; ARGS="--rounds 2 --only 'broker killed'"
	$(BIN)/python -m tests.chaos $(ARGS)

fuzz: setup  ## random models and requests, then ten thousand bad frames to a system of its own; ARGS="--models 500 --seed 7"
	$(BIN)/python -m tests.fuzz $(ARGS)

bench: setup  ## frames per second and latency, beside a plain loop in the same run
	$(BIN)/python -m benchmarks $(ARGS)

lock: $(UV)  ## resolve pyproject.toml again; UPGRADE=1 takes newer versions
	$(UV) pip compile $(LOCK) $(if $(UPGRADE),--upgrade) pyproject.toml --extra demo --extra dev \
	    --output-file requirements/all.txt
	$(UV) pip compile $(LOCK) pyproject.toml --constraints requirements/all.txt \
	    --output-file requirements/runtime.txt
	$(UV) pip compile $(filter-out --universal,$(LOCK)) --python-platform x86_64-manylinux_2_28 \
	    --overrides requirements/gpu-overrides.txt --constraints requirements/runtime.txt \
	    pyproject.toml requirements/gpu.in --output-file requirements/gpu.txt

clean:  ## remove the environment and the caches of the tools
	rm -rf $(VENV) .venv-uv .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

$(STAMP): requirements/all.txt requirements/overrides.txt pyproject.toml | $(UV)
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(None if sys.version_info >= (3, 11) else \
	    f"sparring needs Python 3.11 or newer, $(PYTHON) is {v}: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/all.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c "from sparring.stack.kafka import classpath; classpath(print)"
	@touch $@

.venv-uv/bin/uv:
	$(PYTHON) -m venv .venv-uv
	.venv-uv/bin/python -m pip install --quiet uv==$(UV_VERSION)
