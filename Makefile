# Every target sets up what it needs in .venv; see CONTRIBUTING.md.
PYTHON ?= python3
BIN := .venv/bin
# uv does not read pip's configuration: hand it the find-links and certificates that pip uses.
PIP_FIND_LINKS ?= $(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null)
UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
ifneq ($(strip $(PIP_CERT)),)
SSL_CERT_FILE ?= $(PIP_CERT)
export SSL_CERT_FILE
endif
export PIP_FIND_LINKS UV_FIND_LINKS
ON_SERVICES := tests/curation/test_jobs.py tests/curation/test_races.py tests/curation/test_housekeeping.py tests/curation/test_run_pages.py tests/curation/test_tokens.py tests/curation/test_links.py tests/decontam/test_refreshing.py tests/decontam/test_rulings.py tests/decontam/test_opinions.py tests/decontam/test_judging.py tests/test_journey.py tests/test_workers.py
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python

.PHONY: setup demo test check bench clean

setup: .venv/.core
dev: .venv/.dev

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Winnow needs Python 3.11 or newer; set PYTHON=…"; exit 1; }
	@echo "Setting up .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.8

.venv/.core: requirements.txt | .venv/bin/uv
	@echo "Installing requirements.txt"
	@$(UV) -r requirements.txt
	@touch $@

.venv/.dev: requirements.txt requirements-dev.txt | .venv/bin/uv
	@echo "Installing requirements-dev.txt"
	@$(UV) -r requirements-dev.txt
	@touch $@ .venv/.core

.venv/.semantic: requirements-semantic.txt .venv/.dev
	@echo "Installing requirements-semantic.txt: the encoder and a CPU build of torch"
	@$(UV) -r requirements-semantic.txt
	@touch $@

.venv/.bench: requirements-bench.txt .venv/.dev
	@echo "Installing requirements-bench.txt"
	@$(UV) -r requirements-bench.txt
	@touch $@

demo: setup
	@$(BIN)/python manage.py demo $(DEMO)

test: dev .venv/.semantic
	@$(BIN)/python tests/services.py install
	@$(BIN)/python tests/loaders/environments.py install
	@$(BIN)/python -m pytest -n 2
	@echo "The same runs and workers on PostgreSQL and Redis"
	@$(BIN)/python tests/services.py run $(BIN)/python -m pytest $(ON_SERVICES)

check: dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@WINNOW_HTTPS=true $(BIN)/python manage.py check --deploy --fail-level WARNING
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python -m pytest -q tests/test_docs.py tests/test_architecture.py

bench: .venv/.bench
	@failed=0; for file in bench/*.py; do echo "== $$file"; $(BIN)/python $$file || failed=1; done; exit $$failed

clean:
	rm -rf .venv .venv-loaders var .mypy_cache .ruff_cache
