# Two commands matter: `make demo` and `make test`. Each sets up what it needs in .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo run test clients check codes chaos chaos-kills chaos-together chaos-harms paging together bench growth soak wheel sbom release audit lock clean

help: ## Show this help
	@echo "Sluss. Usage: make TARGET"
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-8s %s\n", $$1, $$2}'

setup: $(STAMP) ## Make the virtual environment in .venv

# The build tools come first, so that spyne (a source distribution) is built with the pinned ones and nothing unpinned.
$(STAMP): pyproject.toml requirements/build.txt requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit("Sluss needs Python 3.11 or newer; try make PYTHON=python3.12") if sys.version_info < (3, 11) else 0'
	@echo "Setting up $(VENV) (once, about a minute)"
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: on Debian and Ubuntu, apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/build.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-build-isolation -r requirements/dev.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $(STAMP)

demo: $(STAMP) ## Send one message through each of the four faces, and watch its statuses come back
	@$(BIN)/sluss demo

run: $(STAMP) ## The demo's gateway, left serving, with four curl commands to paste
	@$(BIN)/sluss demo --serve

test: $(STAMP) ## Run every test, with branch coverage
	$(BIN)/python -m pytest --cov --cov-report=term $(ARGS)

clients: ## Install the SOAP client of node that `make test` then tests with, into .clients
	@npm install --loglevel=error --no-save --no-package-lock --no-audit --no-fund --prefix .clients soap@1.13.0

check: $(STAMP) ## Lint, types, import rules, spelling, docstrings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/interrogate -q gateway adapters
	$(BIN)/sluss check config/dev.yaml

codes: $(STAMP) ## Write docs/codes.md, config/sluss.schema.json and a table of the README anew from the code
	$(BIN)/python -m gateway.translator.document > docs/codes.md
	$(BIN)/sluss schema > config/sluss.schema.json
	$(BIN)/python tests/provider_api.py

chaos: $(STAMP) ## Kill gateways 300 times under load, and do them every other harm; account for every message
	@$(MAKE) --no-print-directory -j2 -O chaos-kills chaos-together chaos-harms

chaos-kills: $(STAMP)
	SLUSS_TEST_KILLS=200 $(BIN)/python -m pytest --no-cov -q -s tests/app/test_kills.py $(ARGS)

chaos-together: $(STAMP)
	SLUSS_TEST_KILLS_TOGETHER=100 $(BIN)/python -m pytest --no-cov -q -s tests/app/test_kills_together.py $(ARGS)

chaos-harms: $(STAMP)
	SLUSS_TEST_CHAOS=2 $(BIN)/python -m pytest --no-cov -q -s tests/app/test_chaos.py $(ARGS)

paging: $(STAMP) ## Measure what pages of lists cost, by depth and by what is stored
	PYTHONPATH=. $(BIN)/python bench/paging.py $(ARGS)

together: $(STAMP) ## Measure what several gateways reach on one PostgreSQL database
	PYTHONPATH=.:tests $(BIN)/python bench/together.py $(ARGS)

bench: $(STAMP) ## Measure, as ratios to a bare aiohttp handler in the same run
	PYTHONPATH=.:tests $(BIN)/python bench/run.py $(ARGS)

growth: $(STAMP) ## Measure what must not grow with what is stored, waits or is connected
	PYTHONPATH=.:tests $(BIN)/python bench/growth.py $(ARGS)

soak: $(STAMP) ## Half an hour (MINUTES=30) of steady load: memory, open files and latency must stay flat
	PYTHONPATH=.:tests $(BIN)/python bench/soak.py --minutes $(or $(MINUTES),30) $(ARGS)

wheel: $(STAMP) ## Build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

sbom: wheel ## Write what a release is made of (CycloneDX) beside its wheel
	$(BIN)/python requirements/sbom.py > dist/sluss-$$($(BIN)/python -c 'import gateway; print(gateway.__version__)').cdx.json

release: ## Make what is released, where no advisory speaks against what it is made of
	@$(MAKE) --no-print-directory audit ARGS=--strict
	@$(MAKE) --no-print-directory sbom

audit: .venv-audit/.ready ## Ask PyPI's advisories about what is installed; ARGS=--strict fails where they cannot be asked
	.venv-audit/bin/python requirements/audit.py $(ARGS)

.venv-audit/.ready: requirements/audit.txt
	@$(PYTHON) -m venv .venv-audit
	@.venv-audit/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/audit.txt
	@touch .venv-audit/.ready

lock: ## Pin the dependencies anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --no-strip-extras --generate-hashes --no-emit-index-url --no-header --group build -o requirements/build.txt
	uv pip compile -q --universal --python-version 3.11 --no-strip-extras --generate-hashes --no-emit-index-url --no-header -o requirements/run.txt pyproject.toml
	uv pip compile -q --universal --python-version 3.11 --no-strip-extras --generate-hashes --no-emit-index-url --no-header --group test --group lint --group build -o requirements/dev.txt pyproject.toml
	uv pip compile -q --universal --python-version 3.11 --no-strip-extras --generate-hashes --no-emit-index-url --no-header --group audit -o requirements/audit.txt

clean: ## Remove what the other targets made
	rm -rf $(VENV) .venv-audit .clients dist build .coverage* htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis
