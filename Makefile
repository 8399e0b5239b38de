# `make demo` and `make test` install what they need and run.

PYTHON ?= python3
PACKAGE := setup.cfg pyproject.toml constraints.txt
# Python compiles a module when it is imported. Compiling everything would double the
# time of an installation. constraints.txt has the versions that the tests passed with.
INSTALL := pip install --quiet --no-compile --constraint constraints.txt
# Without bytecode on disk each process would compile Keras and TensorFlow again: 10 s.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo results test test-all test-backends test-commands-on-backends test-browser test-deployment test-floors test-python test-walks test-mutations benchmark coverage docs lint lock sbom audit clean

help:
	@echo "make demo           train, evaluate, export, serve a model, write a report:"
	@echo "                    4 to 10 minutes on 2 cores"
	@echo "make results        train the runs of docs/results.md: about 27 hours on"
	@echo "                    2 cores. Run it again to resume after an interruption"
	@echo "make test           run the tests on TensorFlow"
	@echo "make test-all       run all tests, with the slow ones and those below: hours"
	@echo "make test-backends  run the tests of layers and networks on JAX and PyTorch"
	@echo "make test-browser   run the tests of the web page. First run:"
	@echo "                    apt-get install chromium"
	@echo "make test-deployment  run the tests of the gateway and the alerts. First run:"
	@echo "                    apt-get install nginx libnginx-mod-http-js prometheus"
	@echo "make test-floors    run some tests with the lowest versions of setup.cfg"
	@echo "make test-python PYTHON=python3.13"
	@echo "                    run some tests on another Python"
	@echo "make test-walks     run the walks of docs/walks from the built wheel: 30 minutes"
	@echo "make test-mutations  change the code in 30 places: do the tests notice?"
	@echo "make coverage       measure which lines tests run: TESTS=tests/views"
	@echo "make benchmark      measure speed and memory against other frameworks"
	@echo "make docs           build the documentation site, build/site/html/index.html"
	@echo "make lint           run ruff, import-linter, mypy and vulture"
	@echo "make lock           renew constraints.txt, the versions that make installs"
	@echo "make sbom           list the dependencies with their licences: build/sbom.json"
	@echo "make audit          look for known vulnerabilities of the dependencies"
	@echo "make clean          remove the environments, the site, the output of make demo"

demo: .venv-demo/installed
	.venv-demo/bin/python scripts/demo.py

results: .venv-demo/installed
	.venv-demo/bin/python -m scripts.train_results --out runs

test: .venv-test/installed
	.venv-test/bin/python -m pytest

# Without XLA optimizations: most functions run only once, and compiling takes longer.
test-all: .venv-test/installed-all
	XLA_FLAGS=--xla_backend_optimization_level=0 .venv-test/bin/python -m pytest -m "not needs_cifar10"

test-mutations: .venv-test/installed
	.venv-test/bin/python -m scripts.try_mutations

test-deployment: .venv-test/installed
	.venv-test/bin/python -m pytest tests/deployment -m needs_system_tools

test-browser: .venv-test/installed-browser
	.venv-test/bin/python -m pytest tests/explore tests/explain -m needs_browser -n0

TEST_BACKEND := .venv-test/bin/python -m pytest -W default tests/layers tests/builder tests/models tests/baselines tests/views tests/weights tests/compatibility tests/convert tests/saved_before tests/training/test_optimizer.py

# The layers and networks are pure Keras, so the same tests run on the other backends.
# JAX does not optimize, because most functions run only once. PyTorch uses one thread
# for each test process, because these would wait for each other's cores.
# Warnings are errors on TensorFlow only: they are mostly those of libraries.
test-backends: .venv-test/installed-backends
	KERAS_BACKEND=jax JAX_DISABLE_MOST_OPTIMIZATIONS=1 $(TEST_BACKEND) -m "not (slow or one_backend)"
	KERAS_BACKEND=torch OMP_NUM_THREADS=1 $(TEST_BACKEND) -m "not slow and (needs_torch or not one_backend)"

# Importing, the golden outputs, the commands, and the server's answers and health. The
# test of a type checker is left out: it needs the newest type hints of the dependencies.
TEST_SOME := -m pytest tests/test_package.py tests/models/test_golden.py tests/cli tests/client tests/explain/test_figures.py tests/export/test_saved_model.py tests/server/test_http.py tests/server/test_grpc.py tests/server/test_readiness.py -k "not type_checker"

# Old versions of the dependencies warn of each other, so warnings are no errors here.
test-floors: .venv-floors/installed
	.venv-floors/bin/python $(TEST_SOME) -W default

# A new environment each time, because PYTHON may be another one.
test-python:
	rm -rf .venv-python
	$(PYTHON) -m venv .venv-python
	.venv-python/bin/python -m $(INSTALL) --editable ".[test]"
	.venv-python/bin/python $(TEST_SOME)

test-walks: .venv-test/installed
	.venv-test/bin/python -m pytest tests/test_walks.py -m slow -n0

# Processes that the tests start are measured, too; see [tool.coverage.run].
TESTS ?= tests
coverage: .venv-test/installed
	.venv-test/bin/python -m coverage erase
	.venv-test/bin/python -m coverage run -m pytest $(TESTS)
	.venv-test/bin/python -m coverage combine --quiet
	.venv-test/bin/python -m coverage report
	.venv-test/bin/python -m coverage html

# docs/backends.md: the commands that run on JAX and PyTorch, and those that do not.
test-commands-on-backends: .venv-test/installed-backends
	KERAS_BACKEND=jax .venv-test/bin/python -m pytest tests/cli/test_backends.py
	KERAS_BACKEND=torch OMP_NUM_THREADS=1 .venv-test/bin/python -m pytest tests/cli/test_backends.py

# Takes 12 minutes on two cores with AVX-512, longer with AVX2. Run nothing else
# meanwhile. PyTorch needs g++ to compile its network.
benchmark: .venv-test/installed-all
	.venv-test/bin/python -m benchmarks

docs: .venv-test/installed-docs
	.venv-test/bin/python docs/site/make_site.py

lint: .venv-test/installed
	.venv-test/bin/ruff check .
	.venv-test/bin/ruff format --check .
	.venv-test/bin/lint-imports
	.venv-test/bin/mypy
	.venv-test/bin/mypy --strict --package keras_resattn_server --package keras_resattn_client
	.venv-test/bin/vulture

# The newest versions of what make installs, for Python 3.11 and later on all systems.
# `make lock UPGRADE=` keeps the versions and only adds what is new in setup.cfg. PyTorch
# is left out, because TORCH chooses it.
UPGRADE ?= --upgrade
LOCKED := $(addprefix --extra ,all test browser deployment docs jax litert onnx openvino ray)
lock: .venv-tools/installed
	.venv-tools/bin/uv pip compile --quiet --universal --python-version 3.11 --no-annotate \
	    --custom-compile-command "make lock" $(UPGRADE) $(LOCKED) setup.cfg --output-file constraints.txt

sbom: .venv-demo/installed .venv-tools/installed
	mkdir -p build
	.venv-tools/bin/cyclonedx-py environment --output-file build/sbom.json .venv-demo/bin/python
	.venv-tools/bin/python scripts/licences.py build/sbom.json

# Fails if a package cannot be audited, because its registry has no such data.
audit: .venv-tools/installed
	.venv-tools/bin/pip-audit --strict --disable-pip --no-deps --requirement constraints.txt

clean:
	rm -rf .venv-demo .venv-test .venv-floors .venv-python .venv-tools build demo

.venv-demo/installed: $(PACKAGE)
	$(PYTHON) -m venv .venv-demo
	.venv-demo/bin/python -m $(INSTALL) --editable ".[all]"
	touch $@

.venv-test/installed: $(PACKAGE)
	$(PYTHON) -m venv .venv-test
	.venv-test/bin/python -m $(INSTALL) --editable ".[test]"
	touch $@

# Set TORCH to choose another PyTorch; a CPU build saves gigabytes. Networks are
# compared with pytorchcv, which does not need its dependency torchvision for that.
TORCH ?= torch
.venv-test/installed-backends: .venv-test/installed
	.venv-test/bin/python -m $(INSTALL) "$(TORCH)" --editable ".[backends]"
	.venv-test/bin/python -m $(INSTALL) --no-deps "pytorchcv>=0.0.74"
	touch $@

# Playwright uses the system's Chromium and downloads no browser.
.venv-test/installed-browser: .venv-test/installed
	.venv-test/bin/python -m $(INSTALL) --editable ".[browser]"
	touch $@

.venv-test/installed-docs: .venv-test/installed
	.venv-test/bin/python -m $(INSTALL) --editable ".[docs]"
	touch $@

.venv-test/installed-all: .venv-test/installed-backends .venv-test/installed-browser
	.venv-test/bin/python -m $(INSTALL) --editable ".[deployment,litert,onnx,openvino,ray]"
	touch $@

.venv-tools/installed:
	$(PYTHON) -m venv .venv-tools
	.venv-tools/bin/python -m pip install --quiet cyclonedx-bom pip-audit uv
	touch $@

.venv-floors/installed: $(PACKAGE) .venv-tools/installed
	.venv-tools/bin/uv venv --quiet --clear --python $(PYTHON) .venv-floors
	.venv-tools/bin/uv pip install --quiet --python .venv-floors/bin/python --resolution lowest-direct --editable ".[test]"
	touch $@
