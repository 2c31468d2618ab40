# make help lists what there is.
PYTHON ?= python3.12
BIN := .venv/bin
READY := .venv/.ready
CONNECT_READY := .venv-connect/.ready
# What speaks with Spark; not data/, which writes by foreachBatch, nor what serves without Spark.
CONNECT_TESTS := $(addprefix tests/fraud_detection/,tasks features test_tables.py scoring/online/test_filling.py) \
	$(wildcard tests/fraud_detection/scoring/test_*.py) tests/fraud_detection/models/families/test_spark_families.py \
	tests/fraud_detection/models/search/test_places.py $(addprefix tests/runcosts/,test_spark_ledger.py test_reconcile_task.py) \
	tests/parity tests/notebooks
LANDING := .local/landing
TARGET ?= local
WORKERS ?= 2
FAULTS ?= 100
PAIRS ?= 28
MINUTES ?= 30
FUZZ_EXAMPLES ?= 5000
ONLINE_TESTS = tests/fraud_detection/scoring/online
FUZZED = tests/fraud_detection/data/test_fuzz.py $(ONLINE_TESTS)/test_fuzz.py $(ONLINE_TESTS)/test_description.py

.DEFAULT_GOAL := help
.PHONY: help setup data run test faults soak notebooks connect-setup connect-test lint docs release lock new clean check-python check-java

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(READY) ## make the environment in .venv, fetch the Delta jars once

data: $(LANDING)/.complete ## generate the raw data, unless it is there

run: $(READY) $(LANDING)/.complete ## run the training job on this machine and print what came of it
	@$(BIN)/localjobs run training -t $(TARGET)

test: $(READY) ## run the whole test suite against local Spark, two files at a time
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

faults: $(READY) ## kill every task at its commit points, run every two at once, and the tests that are too long for every change
	@FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest $(FUZZED)
	@$(BIN)/python -m pytest --nightly tests/faults tests/walkthrough
	@PYTHONPATH=tests/helpers:tests/faults $(BIN)/python -m crashes --pairs $(PAIRS)
	@PYTHONPATH=tests/helpers:tests/faults $(BIN)/python -m crashes --faults $(FAULTS)

soak: $(READY) ## load the online app for half an hour, with faults, and judge every answer
	@$(BIN)/python benchmarks/soak.py --minutes $(MINUTES)

notebooks: $(READY) ## run the notebooks on the tables that are here, each to a page in .local/notebooks
	@$(BIN)/localjobs notebook notebooks/*.py

connect-setup: $(CONNECT_READY) ## make the environment of Databricks Connect in .venv-connect

connect-test: $(READY) $(CONNECT_READY) ## the tests of Spark by Databricks Connect, against a server on this machine
	@JAVA_TOOL_OPTIONS="-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m" \
		$(BIN)/python -m fraud_detection.local_connect .venv-connect/bin/python -m pytest $(CONNECT_TESTS)

lint: $(READY) ## ruff, mypy, import-linter
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: $(READY) ## build the site of docs/ into .local/site
	@.ci/build-docs

new: $(READY) ## start a project from this one: make new NAME=claims MAPPING=settings.yml TO=../claims
	@$(BIN)/python template/new.py "$(NAME)" $(if $(MAPPING),--mapping "$(MAPPING)") $(if $(TO),--to "$(TO)")

release: $(READY) ## build the wheel and its bills of materials into dist/
	@.ci/release

lock: $(READY) ## resolve the newest versions that fit, with hashes
	@$(BIN)/uv pip compile pyproject.toml --extra local --extra serving --extra dev --generate-hashes --python-version 3.12 --upgrade \
		-o requirements.txt -q
	@$(BIN)/uv pip compile pyproject.toml --extra connect --extra serving --extra dev --generate-hashes --python-version 3.12 --upgrade \
		-o requirements-connect.txt -q
	@$(BIN)/uv pip compile requirements-docs.in --generate-hashes --python-version 3.12 --upgrade --no-header --no-annotate \
		-o requirements-docs.txt -q
	@$(BIN)/uv pip compile requirements-release.in --generate-hashes --python-version 3.12 --upgrade --no-header --no-annotate \
		-o requirements-release.txt -q
	@$(BIN)/uv pip compile requirements-minilake.in --generate-hashes --python-version 3.12 --upgrade --no-header --no-annotate \
		-o requirements-minilake.txt -q
	@{ echo "# The versions of requirements-databricks.txt without its hashes, by make lock: with one, pip wants one of the wheel too."; \
		grep -oE '^[a-z0-9][^ ]*==[^ ]+' requirements-databricks.txt; } > requirements-serverless.txt

clean: ## remove generated data, tables, models and runs; the environment stays
	@rm -rf .local .databricks/localjobs dist build

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null || \
		{ echo "Python 3.12 is needed and '$(PYTHON)' is not it: install it (pyenv install 3.12, or uv python install 3.12)"; exit 1; }

check-java:
	@java -version 2>&1 | grep -qE 'version "(17|21)' || \
		{ echo "Java 17 or 21 is needed: install it (on Debian: apt-get install openjdk-17-jre-headless)"; exit 1; }

$(READY): requirements.txt pyproject.toml src/fraud_detection/local_spark.py | check-python check-java
	@echo "making the environment in .venv (some minutes, once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@echo "fetching the jars of Delta and Kafka, recording Spark's classes (once)"
	@$(BIN)/python -m fraud_detection.local_spark > .venv/setup.log 2>&1 || { tail -n 20 .venv/setup.log; exit 1; }
	@touch $@

$(CONNECT_READY): requirements-connect.txt pyproject.toml | $(READY)
	@echo "making the environment of Databricks Connect in .venv-connect"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-connect
	@$(BIN)/uv pip install --quiet --python .venv-connect/bin/python --require-hashes -r requirements-connect.txt
	@$(BIN)/uv pip install --quiet --python .venv-connect/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

$(LANDING)/.complete: | $(READY)
	@$(BIN)/fraud-data generate --out $(LANDING)
	@touch $@
