# SPDX-License-Identifier: GPL-2.0-or-later
# The commands of this project. Each does all that it needs first (tools/setup.sh): packages, .venv, build.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-long lint bench bench-sim sim-reports stubs fuzz docs sanitize build clean distclean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo:  ## boot Debian's own kernel on the embedded engine, by a scenario, and talk to it
	@tools/setup.sh demo
	@tools/demo.sh

test:  ## all C++ and Python tests but the long ones
	@tools/setup.sh test
	@tools/test.sh

test-long:  ## the long ones: determinism of a whole Linux boot and the like
	@tools/setup.sh test
	@tools/test.sh --long

lint:  ## formatting, types, static analysis, include rules, stubs
	@tools/setup.sh lint
	@.venv/bin/python tools/lint.py

bench:  ## the figures, interleaved with QEMU's; written into reports/ (BENCH_QUICK=1: only whether it runs)
	@tools/setup.sh bench
	@tools/bench.sh

bench-sim:  ## the simulator's figures, interleaved with SimGrid's and SimPy's; reports/sim.md (BENCH_QUICK=1: as above)
	@tools/setup.sh bench-sim
	@.venv/bin/python bench/sim/sim_bench.py $(if $(BENCH_QUICK),--quick)

sim-reports:  ## run the shipped experiments of the simulator and publish their tables and figures in reports/sim
	@tools/setup.sh test
	@.venv/bin/python tools/sim_reports.py

stubs:  ## write python/hvlab/_core.pyi anew from the built extension
	@tools/setup.sh lint
	@.venv/bin/python tools/stubs.py

fuzz:  ## each fuzz target for FUZZ_SECONDS (60)
	@tools/setup.sh fuzz
	@tools/fuzz.sh

docs:  ## the documentation as a site, in build/site; fails on a link that leads nowhere
	@tools/setup.sh docs
	@tools/docs.sh

sanitize:  ## all C++ tests under address, undefined-behaviour and thread sanitizers
	@tools/setup.sh sanitize
	@tools/sanitize.sh

build:  ## set-up and build of everything, no tests run
	@tools/setup.sh test

clean:  ## remove what was built (.venv and fetched files stay)
	@rm -rf build dist reports/runs python/hvlab/_core*.so
	@if [ -L python/hvlab/fixtures/images ]; then rm python/hvlab/fixtures/images; fi

distclean: clean  ## remove everything that is not in git's hands
	@rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache
