# `make demo` and `make test` set themselves up: they need Python >= 3.11 and a C compiler.
PYTHON ?= python3
PY := .venv/bin/python
READY := .venv/ready
NATIVE := $(wildcard runtime/native/*.c runtime/native/*.h)

.PHONY: help demo docs test lint bench fuzz sanitize clean
.DEFAULT_GOAL := help

help:
	@echo "make demo      two real data sets: formula, training, accuracy, time of a step"
	@echo "make test      everything that is promised, checked (under ten minutes)"
	@echo "make lint      ruff and mypy only"
	@echo "make docs      the pages of operations and of textbook derivatives"
	@echo "make bench     the published measurements"
	@echo "make fuzz      20 000 random programs: every target agrees within proven bounds"
	@echo "make sanitize  kernels, driver, pool and extension under gcc's sanitizers"
	@echo "make clean     remove what these made, .venv included"

# $(call script,file): run it, or say that it does not exist yet.
define script
@test -f $(1) || { echo "make $@: not built yet: $(1) does not exist." >&2; exit 2; }
$(PY) $(1) $(ARGS)
endef

demo: $(READY)
	$(call script,notebooks/demo.py)

test: $(READY)
	$(PY) tests/run.py $(ARGS)

lint: $(READY)
	$(PY) tests/run.py ruff mypy

docs: $(READY)
	$(PY) -m closedform operations > docs/operations.md
	$(PY) -m tests.acceptance.problems
	$(PY) -m tests.docs.notebooks

# `make bench ARGS="logistic --quick"`; the peers are installed once.
bench: $(READY) .venv/peers
	$(PY) -m bench $(or $(ARGS),--save --plot)

.venv/peers: bench/requirements.txt $(READY)
	$(PY) -m pip install --quiet --requirement $<
	@touch $@

fuzz: $(READY)
	$(call script,tests/fuzz.py)

sanitize: $(READY)
	$(call script,tests/sanitize.py)

# Installed anew only when the packaging or the native sources change.
$(READY): pyproject.toml setup.py $(NATIVE)
	@command -v $(PYTHON) >/dev/null || { \
	  echo "closedform needs Python 3.11 or newer, and there is no '$(PYTHON)' on the PATH." >&2; \
	  echo "Install it (Debian: apt install python3 python3-venv python3-dev; macOS:" >&2; \
	  echo "brew install python), or name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "closedform needs Python 3.11 or newer; '$(PYTHON)' is `$(PYTHON) --version 2>&1`." >&2; \
	  echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@for cc in "$${CC%% *}" cc gcc clang; do \
	  test -n "$$cc" && command -v "$$cc" >/dev/null && exit 0; done; \
	  echo "closedform needs a C compiler here, and none of \$$CC, cc, gcc, clang was found." >&2; \
	  echo "Install one (Debian: apt install gcc; Fedora: dnf install gcc; macOS:" >&2; \
	  echo "xcode-select --install)." >&2; exit 1
	@test -x $(PY) || $(PYTHON) -m venv .venv || { rm -rf .venv; \
	  echo "The virtual environment could not be made (Debian: apt install python3-venv)." >&2; \
	  exit 1; }
	$(PY) -m pip install --quiet --upgrade pip
	$(PY) -m pip install --quiet --editable ".[dev]"
	@touch $@

clean:
	rm -rf .venv .make build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf src/closedform.egg-info
	rm -f runtime/_native*.so runtime/_native*.pyd
	find algebra simplify emit templates runtime src tests bench -name __pycache__ \
	  -prune -exec rm -rf {} +
