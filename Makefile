# Everything a person types, and all that CI runs. `make setup` puts what is needed into .venv/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV := $(VENV)/.developing
AUDIT := $(VENV)/audit/.installed
# Two workers: most of the time goes into waiting for cameras, not into computing. In the order of
# tests/conftest.py, not by the number of tests in a file, which says nothing of how long it takes.
PYTEST_ARGS ?= --numprocesses 2 --dist loadfile --no-loadscope-reorder
PIP := $(BIN)/python -m pip --disable-pip-version-check
# The demo's clock; empty runs until Ctrl-C.
SECONDS_ARG = $(if $(filter command line environment,$(origin SECONDS)),--seconds $(SECONDS),)

# Where `make faults` and `make soak` keep their figures.
FAULTS_JSON ?= faults.json
SOAK_JSON ?= soak.json
SLO_JSON ?= slo.json
MINUTES ?= 10
RUNS ?= 5

.PHONY: help setup demo test test-unit faults faults-small soak slo check lint type arch fmt bench bench-all \
  bench-peers bench-check examples lock lock-export-cpu clean image image-gpu smoke dist sbom audit

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## a virtual environment in .venv/ with the versions that were tested

$(STAMP): constraints-run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is older than Python 3.11; name another one: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "error: $(PYTHON) has no venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes --requirement constraints-run.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# What tests, checks and benchmarks need on top: three times as much as what runs.
$(DEV): $(STAMP) constraints.txt
	$(PIP) install --require-hashes --requirement constraints.txt
	@touch $@

# What looks into the others has its own place: its packages are not to mix with theirs.
$(AUDIT): constraints-audit.txt
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip --disable-pip-version-check install --require-hashes \
	  --requirement constraints-audit.txt
	@touch $@

demo: $(STAMP) ## two simulated cameras, Redis, the node and a live page; SECONDS=30 ends by itself
	$(BIN)/vision demo $(SECONDS_ARG)

test: $(DEV) ## unit, integration and end-to-end tests
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-unit: $(DEV) ## unit tests alone: no network, no waiting
	$(BIN)/python -m pytest tests/unit $(PYTEST_ARGS)

faults: $(DEV) ## the fault suite: what is detected, recovered and lost, in FAULTS_JSON=faults.json
	$(BIN)/python -m pytest tests/faults -p no:randomly --faults-json $(FAULTS_JSON)

faults-small: $(DEV) ## a few rows of it, for every change: what is killed, stalls or is refused
	$(BIN)/python -m pytest tests/faults -p no:randomly -k 'killed or stall or password' \
	  --faults-json $(FAULTS_JSON)

soak: $(DEV) ## the long rows of the fault suite, and random faults for MINUTES=10
	$(BIN)/python -m pytest tests/faults -p no:randomly -m soak --soak-minutes $(MINUTES) \
	  --faults-json $(SOAK_JSON)

slo: $(DEV) ## uptime under faults for MINUTES=10, failover and cold start RUNS=5 times, in SLO_JSON=slo.json
	$(BIN)/python -m tests.slo --minutes $(MINUTES) --runs $(RUNS) --json $(SLO_JSON)

check: lint type arch ## all that reads the code without running it; changes nothing

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	@if command -v shellcheck >/dev/null; then shellcheck --external-sources $$(git ls-files '*.sh'); \
	  else echo "shellcheck is not installed: shell scripts are not checked"; fi

type: $(DEV)
	$(BIN)/mypy

arch: $(DEV)
	$(BIN)/lint-imports

fmt: $(DEV) ## format and mend what can be mended automatically
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

examples: ## what the subscribers in examples/ need that is not Python's
	npm ci --prefix examples/node --no-audit --no-fund

bench: $(DEV) ## latency and frames per second by number of cameras, on the terminal
	$(BIN)/python -m bench pipeline

PEERS := ultralytics roboflow
PEER_STAMPS := $(PEERS:%=bench/.venvs/%/.installed)

bench-peers: $(PEER_STAMPS) ## the programs we measure ourselves against, 14 GB in bench/.venvs/

bench/.venvs/%/.installed: bench/peers/requirements-%.txt
	$(PYTHON) -m venv bench/.venvs/$*
	bench/.venvs/$*/bin/python -m pip --disable-pip-version-check install --quiet --requirement $<
	@touch $@

bench-all: $(DEV) ## everything in one run, peers too if installed, into docs/performance.md (20 min)
	$(BIN)/python -m bench all --save $(or $(NAME),cpu)
	$(BIN)/python -m bench report $(or $(NAME),cpu)

bench-check: $(DEV) ## ratios of a short run against the committed ones; fails if one is worse
	$(BIN)/python -m bench check

VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' vision/__init__.py)
# BUILD_ARGS: more for docker build, such as another PYTHON_IMAGE.
BUILD = docker build $(BUILD_ARGS) --build-arg VERSION=$(VERSION) \
  --build-arg REVISION=$(shell git rev-parse HEAD) --build-arg CREATED=$(shell date -u +%FT%TZ)

image: ## the images for CPUs and for simulated cameras; MODEL as in docs/deploy.md
	$(BUILD) -f Dockerfile.cpu --build-arg MODEL=$(or $(MODEL),auto) -t ariia-vision:$(VERSION)-cpu .
	$(BUILD) -f Dockerfile.cpu --target demo -t ariia-vision:$(VERSION)-demo .

image-gpu: image ## the image for NVIDIA GPUs, on that for CPUs
	$(BUILD) -f Dockerfile.gpu -t ariia-vision:$(VERSION)-gpu .

smoke: ## a stack of its own from these images: messages, failures, secrets; removed at the end
	compose/smoke.sh

dist: $(DEV) ## wheel and source archive in dist/
	$(BIN)/python -m hatchling build -d dist

SBOM = $(VENV)/audit/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON

sbom: $(AUDIT) ## what the images and their model are made with, as CycloneDX in dist/
	mkdir -p dist
	$(SBOM) $(IMAGE)-runtime.txt -o dist/ariia-vision-$(VERSION)-cpu.cdx.json
	$(SBOM) $(IMAGE)-gpu.txt -o dist/ariia-vision-$(VERSION)-gpu.cdx.json
	$(SBOM) $(IMAGE)-export.txt -o dist/ariia-vision-$(VERSION)-export.cdx.json

audit: $(AUDIT) ## known vulnerabilities of what is locked; asks the package index
	$(VENV)/audit/bin/pip-audit --strict --disable-pip --require-hashes -r constraints.txt -r $(IMAGE)-runtime.txt \
	  -r $(IMAGE)-gpu.txt -r $(IMAGE)-build.txt -r $(IMAGE)-export.txt

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-header --no-annotate
IMAGE := compose/image/constraints

lock: ## pin the newest versions that pyproject.toml allows, here and in the images (needs uv)
	$(COMPILE) pyproject.toml --extra dev --upgrade --output-file constraints.txt
	$(COMPILE) pyproject.toml --extra checkout -c constraints.txt --output-file constraints-run.txt
	printf 'cyclonedx-bom>=7\npip-audit>=2.9\n' | $(COMPILE) - -c constraints.txt --upgrade --output-file constraints-audit.txt
	$(COMPILE) pyproject.toml --extra sentry -c constraints.txt --output-file $(IMAGE)-runtime.txt
	$(COMPILE) pyproject.toml --extra gpu --extra sentry -c constraints.txt --output-file $(IMAGE)-gpu.txt
	$(COMPILE) pyproject.toml --extra export -c constraints.txt --output-file $(IMAGE)-export.txt
	echo hatchling | $(COMPILE) - -c constraints.txt --output-file $(IMAGE)-build.txt

lock-export-cpu: ## as lock, of the export with PyTorch's CPU wheels from the index TORCH_INDEX (needs uv)
	$(if $(TORCH_INDEX),,$(error TORCH_INDEX is missing: name the index of PyTorch's CPU wheels))
	$(subst --universal,--python-platform linux,$(COMPILE)) pyproject.toml --extra export -c constraints.txt \
	  -c $(IMAGE)-export.txt --extra-index-url $(TORCH_INDEX) --index-strategy unsafe-best-match \
	  --output-file $(IMAGE)-export-cpu.txt

clean: ## remove the environment and what tools leave behind
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
