# What a person types. Everything else is in the `agents` command.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help up down reset test test-stores faults verify-deploy image verify-image image-lock bench bench-faults bench-soak bench-capacity bench-compare profile check docs format lock
help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r t d; do printf '  make %-14s %s\n' "$$t" "$$d"; done
	@echo "  ARGS is passed on: make up ARGS=--detach"

# `exec`: the command itself is what Ctrl-C and make's own signals reach, with no shell between.
# COMPONENTS=azure-stand-ins: on stand-ins of Service Bus and Cosmos DB instead of Redis; postgres: documents in yours.
COMPONENTS ?=
up: $(VENV)/.synced  ## start everything and watch over it; COMPONENTS=azure-stand-ins: as on Azure
	@exec $(BIN)/agents up $(if $(COMPONENTS),--components '$(COMPONENTS)') $(ARGS)

down: $(VENV)/.synced  ## stop everything; data stays
	@exec $(BIN)/agents down $(ARGS)

reset: $(VENV)/.synced  ## drop the local data after asking
	@exec $(BIN)/agents reset $(ARGS)

test: $(VENV)/.synced-dev  ## all tests, on real Dapr, Redis and Ollama
	@$(BIN)/agents provision --dapr-cli
	@exec $(BIN)/python -m pytest -n 2 $(ARGS)

test-stores: $(VENV)/.synced-dev  ## the same suites on other components: PostgreSQL, stand-ins of Azure's services
	@$(BIN)/agents provision --dapr-cli
	@exec $(BIN)/python -m pytest -n 2 -m stores $(ARGS)

faults: $(VENV)/.synced-dev  ## kill, freeze, cut and poison everything, count from outside, write docs/reliability.md
	@$(BIN)/agents provision
	@exec $(BIN)/python -m tests.faults --report $(ARGS)

verify-deploy: $(VENV)/.synced-dev  ## prove the Helm chart: schemas, policies, a real API server; the first time it builds its tools
	@exec $(BIN)/python -m deploy.verify $(ARGS)

image: $(VENV)/.synced-dev  ## build the image of all agents into dist/image, by buildah, without a container registry
	@exec $(BIN)/python -m deploy.image build $(ARGS)

verify-image: $(VENV)/.synced-dev  ## prove that image: small, restricted, reproducible, and that every agent starts in it
	@exec $(BIN)/python -m deploy.image verify $(ARGS)

image-lock: $(VENV)/.synced-dev  ## take Debian's newest versions of what is in the image
	@exec $(BIN)/python -m deploy.image lock $(ARGS)

# QUICK=1: shorter, ours and the bare one alone, nothing is written.
QUICK ?=
bench: $(VENV)/.synced-dev  ## measure against what people would use instead, write docs/benchmarks.md: about 20 minutes; QUICK=1: 2
	@exec $(BIN)/python -m benchmarks.suite rounds $(if $(QUICK),--quick) $(ARGS)

bench-faults: $(VENV)/.synced-dev  ## the same for SIGKILL in mid-run: about 30 minutes
	@exec $(BIN)/python -m benchmarks.suite faults $(if $(QUICK),--quick) $(ARGS)

bench-soak: $(VENV)/.synced-dev  ## 100,000 events through ours: about 3 minutes
	@exec $(BIN)/python -m benchmarks.suite soak $(if $(QUICK),--quick) $(ARGS)

bench-capacity: $(VENV)/.synced-dev  ## how cost grows and where the limits are, write docs/capacity.md: about 13 minutes; QUICK=1: 5
	@exec $(BIN)/python -m benchmarks.capacity $(if $(QUICK),--quick) $(ARGS)

REF ?=
bench-compare: $(VENV)/.synced-dev  ## the working tree against another version: REF=main; QUICK=1: about 2 minutes
	@exec $(BIN)/python -m benchmarks.compare $(if $(QUICK),--quick) $(ARGS) $(if $(REF),'$(REF)')

AGENT ?= implementation
TASK ?= generate-code
profile: $(VENV)/.synced-dev  ## where the time of a task goes: AGENT=implementation TASK=generate-code
	@exec $(BIN)/python -m benchmarks.profile $(ARGS) '$(AGENT)' '$(TASK)'

check: $(VENV)/.synced-dev  ## format, lint, types, layers, prompts, generated files, links
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m infrastructure.prompts.check prompts --release
	$(BIN)/python -m infrastructure.evaluation.check prompts
	$(BIN)/python -m infrastructure.llm.catalogue.check models
	$(BIN)/python -m cli.documents --check
	$(BIN)/python -m deploy.declared --check
	$(BIN)/python -m deploy.verify.bicep
	$(BIN)/python -m benchmarks.report --check
	$(BIN)/python -m benchmarks.capacity --check
	$(BIN)/python -m cli.links
	$(BIN)/zensical build --clean --strict

docs: $(VENV)/.synced-dev  ## the documentation as a site, in site/; fails on a link that leads nowhere
	@$(BIN)/zensical build --clean --strict

format: $(VENV)/.synced-dev  ## rewrite the code in our format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.synced-dev  ## pin the dependencies of pyproject.toml anew
	$(BIN)/uv pip compile $(PIN) --extra openai pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile $(PIN) --all-extras --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
PIN := --quiet --universal --generate-hashes --no-header --no-emit-index-url

# The environment. Two stamps, one folder: the development lock holds all of the other, so once it was asked for
# it stays, and `make up` after `make test` changes nothing. A stamp is written last: interrupted, it is made again.
# No recipe here calls make again: such a line runs even under `make -n`.
RUNTIME_LOCK := $(if $(wildcard $(VENV)/.dev),requirements-dev.lock,requirements.lock)
$(VENV)/.synced: $(RUNTIME_LOCK) requirements-uv.lock pyproject.toml
	@$(call sync,$(RUNTIME_LOCK))
	@touch $@

$(VENV)/.synced-dev: requirements-dev.lock requirements-uv.lock pyproject.toml
	@$(call sync,requirements-dev.lock)
	@touch $(VENV)/.dev $(VENV)/.synced $@

# A working environment is never cleared, whoever made it (`uv venv` makes one without pip); only one whose Python
# does not run any more, after an upgrade of the system, is made anew. Bytecode is compiled here, once: five agents
# would do it side by side at the first start, and at every start where PYTHONDONTWRITEBYTECODE is set.
define sync
	cli/local/preflight.sh $(PYTHON) && \
	echo "installing $(1) into $(VENV)" && \
	{ $(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV); } && \
	{ $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; } && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock && \
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes $(1) && \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
endef
