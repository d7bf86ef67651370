# make demo    watch a revocation become a signed answer; sets itself up
# make test    run every test; sets itself up
# make check   format, lint, types and layers, as CI does
# make bench   run the benchmarks, small and quick; for figures that count, on a quiet machine:
#              make bench-answering  one core beside its peers, about half an hour
#              make bench-scale      larger indexes: ARGS="--sizes 10000,1000000,10000000"
#              make bench-data       loading, changing, starting: ARGS="--sizes 1000000,50000000"
#              make bench-sdk        what a check costs a relying party, beside pyhanko-certvalidator
# make compiled  compile the path of an answer into .venv/compiled; the benchmarks do that first
# make test-compiled  run the tests of that path on it
# make drill   kill workers and ingesters under load; every answer must be counted once
# make soak    ask a million times in every way, beside bad clients and a flood; about half an hour
# make reference    write the SDK's reference, out of its docstrings, into build/reference
# make wheel-check  install the SDK's wheel alone, on each Python that is here, and run its example
# make lock    renew requirements/*.lock within the ranges of pyproject.toml
#
# Python 3.11 or later, git and make are all that must be there. PYTHON=... chooses another
# Python for .venv; ARGS=... is handed on to pytest, the drill, the soak
# and the larger benchmarks.

BIN := .venv/bin
# One more than there are cores: many tests wait for processes of their own.
TEST_PROCESSES = $(shell $(BIN)/python -c "import os; print(os.cpu_count() + 1)")
COMPILED := $(CURDIR)/.venv/compiled
SOURCES := $(shell find client_sdk/tashika server/tashika_server -name '*.py')
DISTRIBUTIONS := pyproject.toml client_sdk/pyproject.toml
COMPILE := $(BIN)/uv pip compile $(DISTRIBUTIONS) --override .venv/local.txt --quiet --upgrade \
	--universal --python-version 3.11 --generate-hashes --no-emit-package tashika \
	--no-emit-index-url --no-header --no-annotate

# Every command is a process of its own; without bytecode each compiles the project anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check compiled test-compiled bench bench-answering bench-scale bench-data bench-sdk drill soak
.PHONY: reference wheel-check lock

demo: .venv/run.ready
	$(BIN)/python demo/demo.py

test: .venv/dev.ready
	$(BIN)/pytest -n $(TEST_PROCESSES) $(ARGS)

check: .venv/dev.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

compiled: .venv/compiled.ready

# What a test puts in the place of a compiled function is not called; those say so and are skipped.
test-compiled: .venv/compiled.ready
	PYTHONPATH=$(COMPILED) $(BIN)/pytest -n $(TEST_PROCESSES) tests/pki tests/server/gate \
		tests/server/index tests/server/metering tests/server/responder tests/server/signing \
		tests/system $(ARGS)

# All of them, even where one ends above its bound.
bench: export PYTHONPATH = $(COMPILED)
bench: .venv/bench.ready .venv/compiled.ready
	@bad=; run() { echo "== $$*"; $(BIN)/python "$$@" || bad=1; }; \
	run benchmarks/hot_path.py --rounds 3; \
	run benchmarks/gate.py --rounds 3; \
	run benchmarks/metering.py --rounds 3; \
	run benchmarks/index_load.py --entries 200000; \
	run -m benchmarks.data --quick; \
	run benchmarks/ingest.py --answers 200000; \
	run benchmarks/month_close.py --verifiers 50; \
	run benchmarks/suspension.py --rounds 3; \
	run benchmarks/compact_set.py; \
	run -m benchmarks.answering --quick $(ARGS); \
	test -z "$$bad"

bench-answering bench-scale bench-data: export PYTHONPATH = $(COMPILED)

bench-answering: .venv/bench.ready .venv/compiled.ready
	$(BIN)/python -m benchmarks.answering --to benchmarks/results $(ARGS)

bench-scale: .venv/bench.ready .venv/compiled.ready
	$(BIN)/python -m benchmarks.answering --rows sizes,cert-ids,workers \
		--to benchmarks/results --name scale $(ARGS)

bench-data: .venv/bench.ready .venv/compiled.ready
	$(BIN)/python -m benchmarks.data --to benchmarks/results $(ARGS)

bench-sdk: .venv/bench.ready
	$(BIN)/python -m benchmarks.sdk $(ARGS)

drill: .venv/dev.ready
	PYTHONPATH=tests $(BIN)/python -m drill $(ARGS)

soak: .venv/dev.ready
	PYTHONPATH=tests $(BIN)/python -m soak $(ARGS)

reference: .venv/dev.ready
	$(BIN)/python client_sdk/reference.py

wheel-check: .venv/dev.ready
	PYTHONPATH=demo $(BIN)/python client_sdk/wheel_check.py

lock: .venv/dev.ready
	echo ./client_sdk > .venv/local.txt
	$(COMPILE) --group build -o requirements/run.lock
	$(COMPILE) --group build --group dev -o requirements/dev.lock
	$(COMPILE) --group build --group dev --group bench -o requirements/bench.lock

.venv/%.ready: requirements/%.lock requirements/install $(DISTRIBUTIONS)
	PYTHON="$(PYTHON)" requirements/install $*

.venv/compiled.ready: .venv/bench.ready requirements/compile.py $(SOURCES)
	$(BIN)/python requirements/compile.py
	touch $@
