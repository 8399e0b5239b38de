# Two commands set everything up and run it: `make demo` and `make test`.

PYTHON ?= python3
PACKAGE := setup.cfg pyproject.toml
# Python compiles what it imports; to compile all that is installed takes as long again.
INSTALL := pip install --quiet --no-compile

.PHONY: help demo results test test-all test-backends test-browser test-deployment benchmark lint clean

help:
	@echo "make demo           train, test, export, serve and look: 4 to 10 minutes on 2 cores"
	@echo "make results        train the runs of docs/results.md: days on 2 cores; Ctrl-C and"
	@echo "                    the same command continue"
	@echo "make test           the tests, on TensorFlow"
	@echo "make test-all       all of them, with the slow ones and all below: hours"
	@echo "make test-backends  the tests of layers and networks on JAX and PyTorch"
	@echo "make test-browser   the tests of the web page, which need: apt-get install chromium"
	@echo "make test-deployment  the tests of gateway and alerts, which need system packages:"
	@echo "                    apt-get install nginx libnginx-mod-http-js prometheus"
	@echo "make benchmark      ours beside its peers in speed: one table, with goals"
	@echo "make lint           ruff and the floors of the house"
	@echo "make clean          remove the virtual environments and what demo made"

demo: .venv-demo/installed
	.venv-demo/bin/python scripts/demo.py

results: .venv-demo/installed
	.venv-demo/bin/python -m scripts.train_results --out runs

test: .venv-test/installed
	.venv-test/bin/python -m pytest

# XLA shall not optimize what runs once.
test-all: .venv-test/installed-all
	XLA_FLAGS=--xla_backend_optimization_level=0 .venv-test/bin/python -m pytest -m "not needs_cifar10"

test-deployment: .venv-test/installed
	.venv-test/bin/python -m pytest tests/deployment -m needs_system_tools

test-browser: .venv-test/installed-browser
	.venv-test/bin/python -m pytest tests/explore -m needs_browser -n0

TEST_BACKEND := .venv-test/bin/python -m pytest tests/layers tests/builder tests/models tests/baselines tests/views tests/weights tests/compatibility tests/convert tests/saved_before tests/training/test_optimizer.py

# The layers and networks are pure Keras: the same tests on the other backends. JAX
# shall not optimize what runs once, PyTorch's threads not wait for each other's core.
test-backends: .venv-test/installed-backends
	KERAS_BACKEND=jax JAX_DISABLE_MOST_OPTIMIZATIONS=1 $(TEST_BACKEND) -m "not (slow or one_backend)"
	KERAS_BACKEND=torch OMP_NUM_THREADS=1 $(TEST_BACKEND) -m "not slow and (needs_torch or not one_backend)"

# 12 minutes on two cores with AVX-512, more with AVX2; nothing else should run
# meanwhile. PyTorch compiles its peer with g++.
benchmark: .venv-test/installed-all
	.venv-test/bin/python -m benchmarks

lint: .venv-test/installed
	.venv-test/bin/ruff check .
	.venv-test/bin/ruff format --check .
	.venv-test/bin/lint-imports
	.venv-test/bin/mypy
	.venv-test/bin/mypy --strict --package keras_resattn_server --package keras_resattn_client

clean:
	rm -rf .venv-demo .venv-test demo

.venv-demo/installed: $(PACKAGE)
	$(PYTHON) -m venv .venv-demo
	.venv-demo/bin/python -m $(INSTALL) --editable ".[all]"
	touch $@

.venv-test/installed: $(PACKAGE)
	$(PYTHON) -m venv .venv-test
	.venv-test/bin/python -m $(INSTALL) --editable ".[test]"
	touch $@

# The version of PyTorch can be chosen: one that is a CPU build saves gigabytes.
# pytorchcv is there to compare with, without its torchvision: gigabytes not needed.
TORCH ?= torch
.venv-test/installed-backends: .venv-test/installed
	.venv-test/bin/python -m $(INSTALL) "$(TORCH)" --editable ".[backends]"
	.venv-test/bin/python -m $(INSTALL) --no-deps "pytorchcv>=0.0.74"
	touch $@

# Playwright drives the Chromium of the system; it downloads none of its own.
.venv-test/installed-browser: .venv-test/installed
	.venv-test/bin/python -m $(INSTALL) --editable ".[browser]"
	touch $@

.venv-test/installed-all: .venv-test/installed-backends .venv-test/installed-browser
	.venv-test/bin/python -m $(INSTALL) --editable ".[deployment,litert,onnx,openvino,ray]"
	touch $@
