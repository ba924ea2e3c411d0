# make demo   install, build, search on real data without a browser, print what came out
# make test   all tests: Python, kernels, JupyterLab in Chromium, TypeScript
# make lint   formatting, types and layers of both languages
# make lab    JupyterLab with the example notebook
# make build  wheel and source distribution in dist/
# make clean  remove everything that make has made
#
# Each step leaves a stamp file and is run again only when what it depends on has changed.
# PYTHON=/path/to/python3.11 chooses the interpreter of .venv.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := demo
.PHONY: demo test test-python test-frontend lint lab build clean package dev

BIN := .venv/bin
VENV_STAMPS := .venv/stamps
STAMPS := build/stamps
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Node knows only its own certificate authorities; behind a company's proxy it needs the system's.
export NODE_EXTRA_CA_CERTS ?= $(wildcard /etc/ssl/certs/ca-certificates.crt)

FRONTEND := $(shell find labextension/src labextension/style labextension/schema labextension/scripts -type f) \
	labextension/package.json labextension/tsconfig.json labextension/install.json
NOTEBOOK := example_notebooks/00_first_search.ipynb

demo: package
	$(BIN)/python scripts/demo.py $(NOTEBOOK) build

test: test-frontend test-python

# Tests in a real JupyterLab share one server and come one after the other; those of the panel alone need no server.
# The others wait for processes of their own half of the time, so three at a time keep two cores busy.
test-python: dev
	chromium=$$(scripts/need_chromium.sh) && export TUNEMAGIC_CHROMIUM=$$chromium && \
		$(BIN)/python -m pytest -m "browser and slow" && \
		$(BIN)/python -m pytest -m "not (browser and slow)" -n 3 --dist loadfile --no-loadscope-reorder --hypothesis-profile=repeatable

test-frontend: $(STAMPS)/node_modules
	cd labextension && jlpm test

lint: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/gen_protocol.py --check
	$(BIN)/python scripts/make_locale.py --check
	cd labextension && jlpm lint

lab: package
	$(BIN)/jupyter lab $(NOTEBOOK)

build: $(STAMPS)/frontend
	rm -rf dist
	$(BIN)/python -m pip install --quiet "build>=1.2"
	SKIP_JUPYTER_BUILDER=1 $(BIN)/python -m build --outdir dist
	$(BIN)/python scripts/check_wheel.py dist

clean:
	rm -rf .venv build dist labextension/node_modules labextension/lib labextension/build \
		labextension/tsconfig.tsbuildinfo tunemagic/labextension tunemagic/static \
		.mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The two slow downloads, Python's and the front end's, run side by side.
package dev:
	@$(MAKE) --no-print-directory --jobs=2 $(VENV_STAMPS)/$@

$(VENV_STAMPS)/venv: | scripts/find_python.sh
	test -x $(BIN)/python || { python=$$(scripts/find_python.sh) && "$$python" -m venv .venv; }
	@mkdir -p $(@D) && touch $@

# jlpm and the bundler's command line come from PyPI, node from the machine or from PyPI.
$(VENV_STAMPS)/tools: $(VENV_STAMPS)/venv scripts/need_node.sh
	$(BIN)/python -m pip install --quiet "jupyter-builder>=1.2,<2"
	scripts/need_node.sh
	@touch $@

$(VENV_STAMPS)/dependencies: $(VENV_STAMPS)/tools pyproject.toml
	SKIP_JUPYTER_BUILDER=1 $(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(STAMPS)/node_modules: $(VENV_STAMPS)/tools labextension/package.json labextension/yarn.lock labextension/.yarnrc.yml
	@mkdir -p $(@D)
	cd labextension && { jlpm install --immutable >../build/jlpm.log 2>&1 || { grep -v YN0013 ../build/jlpm.log | tail -n 40; exit 1; }; }
	@touch $@

$(STAMPS)/frontend: $(STAMPS)/node_modules $(FRONTEND) tunemagic/__init__.py
	cd labextension && jlpm build:prod
	@touch $@

# An editable installation copies the lab extension: a new bundle means a new installation. The
# bundles are there already, so pip must not build them again.
$(VENV_STAMPS)/package: $(VENV_STAMPS)/dependencies $(STAMPS)/frontend
	SKIP_JUPYTER_BUILDER=1 $(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(VENV_STAMPS)/dev: $(VENV_STAMPS)/package
	SKIP_JUPYTER_BUILDER=1 $(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $@
