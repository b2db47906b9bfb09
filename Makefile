# Whatever is built lies under .build, and nothing is written to the user's home.
PYTHON ?= python3
WORKERS ?= auto
# Of tests that play, and so wait for a third of their time.
PLAYERS ?= $(shell expr $$(nproc) + 1)
# A series of ansible-core, such as 2.20; empty for the one that is pinned.
CORE ?=
EXAMPLE ?= molecule_saas

BUILD := $(CURDIR)/.build
VENV := $(BUILD)/venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made$(CORE)
PINNED := requirements/constraints.txt
COPY := $(BUILD)/ansible_collections/rotor/secrets
REPORTS := $(BUILD)/reports
DEMO := $(BUILD)/demo
CLIENTS := $(BUILD)/venv-clients

export PIP_CACHE_DIR := $(BUILD)/cache/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export COVERAGE_FILE := $(BUILD)/coverage/data
export HYPOTHESIS_STORAGE_DIRECTORY := $(BUILD)/cache/hypothesis
# The environment is made without byte code: where a process may not leave any, each compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

# Ansible's tools, and the tests, see a collection that lies where collections lie, and a home of their own. They must
# not see the git repository around it: it ignores the copy, and they would find nothing to check.
HOMED := env HOME="$(BUILD)/home" ANSIBLE_HOME="$(BUILD)/home/.ansible" PATH="$(BIN):$$PATH" GIT_CEILING_DIRECTORIES="$(BUILD)"
IN_COPY := cd $(COPY) && $(HOMED) ANSIBLE_COLLECTIONS_PATH="$(BUILD)"
INSTALLED := cd $(COPY) && $(HOMED) ANSIBLE_COLLECTIONS_PATH="$(DEMO)/collections"
PINS := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-annotate --no-header --no-cache
PYTEST := pytest -o cache_dir=$(BUILD)/cache/pytest

BENCHED = cp benchmarks/found.json benchmarks/RESULTS.md benchmarks/results.svg $(CURDIR)/benchmarks/
LINT := format-check ruff types yamllint changelog docs ansible-lint
# What the core does with files on hosts and with Redis is tested through these two providers.
MEASURED := tests/unit/core tests/unit/engine tests/unit/providers/dotenv tests/unit/providers/redis
ELSEWHEN := yesterday,quarter,decade
BESIDE := sanity $(LINT) galaxy venv-newest venv-clients systems
ALONE := engine chaos-sample conformance-ours integration integration-newest molecule

.DEFAULT_GOAL := help
.PHONY: help demo test beside alone lint unit $(BESIDE) $(ALONE) conformance chaos mutants bench bench-quick test-elsewhen tutorial site format generate link coverage constraints venv system-packages sync clean

title = @printf '\n== %s\n' '$(1)'

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "  %-20s %s\n", $$1, $$2}' Makefile

demo: sync ## Install the collection as a user would, and play an example in its world (EXAMPLE=quickstart picks)
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	@$(IN_COPY) ansible-galaxy collection build --output-path $(DEMO) >/dev/null
	@$(INSTALLED) ansible-galaxy collection install $(DEMO)/*.tar.gz --collections-path $(DEMO)/collections \
	  --offline --no-deps >/dev/null
	@$(INSTALLED) python -m tests.demo $(EXAMPLE)

test: sync ## Run every check and every test, as CI does
	@rm -rf $(REPORTS)
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target beside; status=$$?; \
	$(MAKE) --no-print-directory --keep-going --jobs=1 alone || status=$$?; \
	printf '\n== Summary\n'; \
	[ $$status = 0 ] || echo 'A step of the gate has FAILED, see above'; \
	$(BIN)/python tools/summary.py $(REPORTS); exit $$status

# The sanity tests need one core for minutes; the others of these use what they leave.
beside: $(BESIDE)

alone: $(ALONE)

lint: $(LINT) ## Run the linters

format-check: venv
	$(call title,ruff format)
	@$(BIN)/ruff format --check

ruff: venv
	$(call title,ruff check)
	@$(BIN)/ruff check

# The clone under the name that an installed collection has, as conftest.py makes it, too.
link:
	@mkdir -p $(BUILD)/types/ansible_collections/rotor && ln -sfn $(CURDIR) $(BUILD)/types/ansible_collections/rotor/secrets

types: venv link ## Check the types
	$(call title,mypy)
	@cd $(CURDIR) && $(HOMED) mypy -p ansible_collections.rotor.secrets.plugins -p tests -p tools -p benchmarks

yamllint: sync
	$(call title,yamllint)
	@$(IN_COPY) yamllint --strict .

changelog: sync
	$(call title,antsibull-changelog lint)
	@$(IN_COPY) antsibull-changelog lint

docs: sync
	$(call title,antsibull-docs lint-collection-docs)
	@$(IN_COPY) antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs dependent .

ansible-lint: sync
	$(call title,ansible-lint)
	@$(IN_COPY) ansible-lint --profile production --offline

galaxy: sync ## Look at the tarball as Galaxy and ansible-builder do
	$(call title,galaxy-importer, ansible-builder)
	@$(IN_COPY) bash tools/galaxy/check.sh $(BUILD)

sanity: sync ## Run ansible-test's sanity tests
	$(call title,ansible-test sanity)
	@$(IN_COPY) bash tools/sanity.sh

unit: engine systems ## Run the unit tests; the engine's branches must be covered

engine: sync
	$(call title,unit tests of the engine)
	@$(IN_COPY) $(PYTEST) $(MEASURED) -n $(WORKERS) --cov --cov-fail-under=0 \
	  --cov-report=json:$(BUILD)/coverage/report.json --junitxml=$(REPORTS)/engine.xml
	@$(IN_COPY) coverage report
	@$(IN_COPY) python tools/branches.py $(BUILD)/coverage/report.json 95

systems: sync
	$(call title,unit tests of the systems and modules)
	@$(IN_COPY) $(PYTEST) tests/unit $(MEASURED:%=--ignore=%) -n $(WORKERS) --dist loadgroup \
	  --junitxml=$(REPORTS)/systems.xml

test-%: sync ## Run the tests of one provider (make test-vault), or of a collection (make test-acme.mail COLLECTIONS=FOLDER)
	$(call title,every test of $*)
	@$(IN_COPY) python -m tools.provider $* -n $(WORKERS) --dist loadgroup -q -o cache_dir=$(BUILD)/cache/pytest

chaos-sample: sync
	$(call title,a sample of kills and faults)
	@$(IN_COPY) $(PYTEST) tests/chaos -n $(PLAYERS) --junitxml=$(REPORTS)/chaos.xml

conformance-ours: sync
	$(call title,conformance of every store)
	@$(IN_COPY) $(PYTEST) tests/conformance -n $(WORKERS) --dist loadgroup --junitxml=$(REPORTS)/conformance.xml

conformance: sync ## Run the conformance suite, the community's modules too, and write its table (network, minutes)
	$(call title,conformance of every store and of the modules of the community)
	@$(IN_COPY) python -m tools.conformance $(BUILD) -n $(WORKERS) --dist loadgroup -q -o cache_dir=$(BUILD)/cache/pytest; \
	status=$$?; cp docs/evidence/conformance.md $(CURDIR)/docs/evidence/; cp tests/conformance/found.json $(CURDIR)/tests/conformance/; \
	exit $$status

chaos: sync venv-newest ## Kill it and break it everywhere, and write the table (hours; ONLY=kills,faults picks)
	$(call title,every sweep to its full length)
	@$(IN_COPY) python -m tools.chaos --only="$(ONLY)" -n $(WORKERS) -q -o cache_dir=$(BUILD)/cache/pytest; \
	status=$$?; cp docs/evidence/chaos.md $(CURDIR)/docs/evidence/; cp tests/chaos/found.json $(CURDIR)/tests/chaos/; exit $$status

mutants: sync ## Take one safeguard at a time out: a test must notice (minutes; ONLY=rule picks)
	$(call title,one safeguard less)
	@$(IN_COPY) python -m tests.mutants "$(ONLY)"

bench: sync ## Measure what a rotation costs, next to others, and write benchmarks/RESULTS.md (an hour; ONLY=copies,scale picks)
	$(call title,what a rotation costs)
	@$(IN_COPY) PYTHONPATH="$(BUILD)" python -m benchmarks --only="$(ONLY)"; status=$$?; $(BENCHED); exit $$status

bench-quick: sync ## Measure the ratios among these at small sizes (two minutes)
	$(call title,what a rotation costs (in small))
	@$(IN_COPY) PYTHONPATH="$(BUILD)" python -m benchmarks --quick --only="$(ONLY)"; status=$$?; $(BENCHED); exit $$status

test-elsewhen: sync ## Run the tests a day ago, in three months and in ten years, on busy cores (ELSEWHEN=decade picks)
	$(call title,every test at other dates and in other time zones)
	@$(IN_COPY) python -m tools.elsewhen $(ELSEWHEN) $(PYTEST) tests/unit tests/conformance tests/integration \
	  -n $(WORKERS) --dist loadgroup -q

integration: sync venv-clients ## Run the integration tests
	$(call title,integration tests)
	@$(IN_COPY) $(PYTEST) tests/integration -n $(PLAYERS) --junitxml=$(REPORTS)/integration.xml

molecule: sync ## Run the Molecule scenario of the quick start, beside its own parts
	$(call title,molecule)
	@$(IN_COPY) python -m tests.demo.quickstart molecule test --scenario-name quickstart

venv-newest: sync
	@$(IN_COPY) bash tools/newest.sh $(BUILD)

# The tests that want it are skipped where it cannot be had.
venv-clients: $(CLIENTS)/.made

$(CLIENTS)/.made: requirements/clients.txt requirements/clients-constraints.txt
	@echo "Making the environment of the vendors' client libraries, once"
	@rm -rf $(CLIENTS)
	@$(PYTHON) -m venv $(CLIENTS)
	@if $(CLIENTS)/bin/pip install --quiet --no-compile -r requirements/clients.txt -c requirements/clients-constraints.txt; \
	then touch $@; else echo "They cannot be had: what would ask them is skipped"; fi

integration-newest: sync ## Run the integration tests marked `core` on the newest ansible-core
	$(call title,integration tests on the newest core)
	@$(IN_COPY) bash tools/newest.sh $(BUILD) tests/integration -n $(PLAYERS) -o cache_dir=$(BUILD)/cache/pytest \
	  --junitxml=$(REPORTS)/integration-newest.xml

tutorial: sync ## Run the commands of the tutorial, and write what they print (two minutes)
	$(call title,the tutorial)
	@$(IN_COPY) python -m tools.tutorial && cp docs/tutorial.md $(CURDIR)/docs/

site: sync ## Make a site of the documentation, in .build/site/html
	$(call title,the site)
	@$(IN_COPY) bash tools/site/build.sh $(BUILD)

format: venv ## Format the code, and mend what ruff can mend
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

generate: venv link ## Write the files that follow from the providers and the modules
	@cd $(CURDIR) && $(HOMED) PYTHONPATH="$(BUILD)/types:$(CURDIR)" python -m tools.generate

coverage: sync ## Write the coverage report of the unit tests as HTML
	@-$(MAKE) --no-print-directory engine
	@$(IN_COPY) coverage html --fail-under=0 --directory=$(BUILD)/coverage/html

constraints: venv ## Pin the newest versions of all packages
	@$(BIN)/pip install --quiet uv
	@$(PINS) requirements.txt requirements/test.txt requirements/lint.txt requirements/site.txt \
	  --output-file $(PINNED)
	@$(PINS) requirements/galaxy.txt --output-file requirements/galaxy-constraints.txt
	@$(PINS) requirements/clients.txt --output-file requirements/clients-constraints.txt

venv: $(STAMP) ## Make the virtual environment

# The core that comes next is a release candidate, which pip takes only when it is named.
CORE_REQUIREMENT = $(or $(shell sed -n 's/^\(ansible-core==$(CORE)[^ ;]*\).*/\1/p' requirements/newest.txt),ansible-core~=$(CORE).0)

$(STAMP): requirements.txt requirements/test.txt requirements/lint.txt $(PINNED) | system-packages
	@echo 'Making the virtual environment, once'
	@rm -rf $(VENV) && mkdir -p $(BUILD)/home
	@$(PYTHON) -m venv $(VENV)
	@$(if $(CORE),grep -v '^ansible-core==' $(PINNED),cat $(PINNED)) >$(BUILD)/constraints.txt
	@$(BIN)/pip install --quiet --no-compile -r requirements.txt -r requirements/test.txt -r requirements/lint.txt \
	  $(if $(CORE),'$(CORE_REQUIREMENT)') -c $(BUILD)/constraints.txt
	@touch $@

system-packages:
	@bash tools/system-packages.sh $(PYTHON)

sync: venv
	@$(BIN)/python tools/sync.py $(COPY)

clean: ## Delete whatever was built
	@rm -rf $(BUILD)
