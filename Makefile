# Everything that a person or CI does with this repository. `make run` and `make test` need nothing but Python 3.11 or
# newer: the rules on .venv make the virtual environment and install the locks, and do nothing where that has been done.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

VENV := .venv
BIN := $(VENV)/bin
# Wheels only: a fresh machine has no compiler, and a build would bring tools that no lock pins.
INSTALL_LOCK := $(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: --requirement
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --fork-strategy fewest \
	--no-emit-index-url --no-header --no-annotate
# Programs that the tests use, by Debian package: the service proxy beside some, the store with etcd. Without root they
# are not installed, and what needs them is skipped.
PROGRAMS := ip:iproute2 iptables-legacy:iptables nft:nftables ipset:ipset ipvsadm:ipvsadm conntrack:conntrack \
	modprobe:kmod linux.uml:user-mode-linux etcd:etcd-server etcdctl:etcd-client
# The first of these that is new enough makes the virtual environment.
PYTHONS := python3.11 python3.12 python3.13 python3.14 python3
REPORT := stowage-report.html
GOLDEN := ../shared/golden
PERF := ../shared/data/scheduler_perf

.PHONY: help setup run test lint soak continuity crash fuzz bench golden perf report lock clean

help:
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.runtime ## make .venv with the locked dependencies and the command stowage in it
	@echo "ready: $(BIN)/stowage"

run: $(VENV)/.runtime ## the main job: 50,000 pods onto 10,000 nodes, then the openb-like sample; writes stowage-report.html
	@$(BIN)/stowage bench demo --report $(REPORT)

test: $(VENV)/.tests ## the whole test suite
	@$(BIN)/python -m pytest -q --numprocesses auto --dist loadfile

lint: $(VENV)/.tests ## style, format, types, layers
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

soak: $(VENV)/.tests ## a million random events, held against a fresh start again and again; fails on growth of memory
	@$(BIN)/python -m tests.soak

continuity: $(VENV)/.tests ## 1,000 changes of endpoints under load in each mode of the service proxy, with failures of every kind
	@STOWAGE_FULL=1 $(BIN)/python -m pytest tests/proxy/packets/test_continuity.py -q -rP

crash: $(VENV)/.tests ## kill -9 store and server 200 times each under 50 writers; nothing acknowledged may be lost
	@STOWAGE_FULL=1 $(BIN)/python -m pytest tests/storage/test_crash.py tests/faults/test_crash.py -q -rP

fuzz: $(VENV)/.tests ## 100,000 malformed requests, made of the recorded ones, where ../shared has them: never a 500
	@STOWAGE_FULL=1 $(BIN)/python -m pytest tests/faults/test_fuzz.py -q -rP

bench: $(VENV)/.tests ## micro-benchmarks of the kernels
	@$(BIN)/python -m pytest bench/micro --benchmark-enable --benchmark-only -q

golden: $(VENV)/.runtime ## replay what kube-scheduler and kube-proxy did, where ../shared has it
	@if [ ! -d $(GOLDEN) ]; then
		echo "skipped: there is no folder $(GOLDEN)"
		exit 0
	fi
	$(BIN)/stowage verify scheduler $(GOLDEN)/sched
	$(BIN)/stowage verify proxy $(GOLDEN)/proxy

perf: $(VENV)/.runtime ## run upstream's benchmark, where ../shared has it, and write its table of the README
	@if [ ! -d $(PERF) ]; then
		echo "skipped: there is no folder $(PERF)"
		exit 0
	fi
	$(BIN)/stowage bench scheduler-perf $(PERF)/*/performance-config.yaml --label performance \
		--name '(QueueingHintsEnabled|EventHandling.*)$$' --timeout 60 --update README.md

report: $(VENV)/.runtime ## measure again, write stowage-report.html and the table of the README
	@$(BIN)/stowage bench demo --report $(REPORT)
	$(BIN)/stowage bench table --update README.md

lock: $(VENV)/.created ## resolve both locks again; pins that still fit stay, delete a lock to renew all of it
	@$(BIN)/python -m pip install --quiet uv
	$(COMPILE) pyproject.toml --group build --output-file requirements.lock
	$(COMPILE) --group test --group lint --constraint requirements.lock --output-file tests/requirements.lock

clean: ## remove .venv and everything else that git ignores
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
	rm -f $(REPORT)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.created:
	@python=; found=
	for candidate in $(PYTHONS); do
		version=$$($$candidate -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2> /dev/null) || continue
		found="$$found $$candidate is $$version;"
		if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then python=$$candidate; break; fi
	done
	if [ -z "$$python" ]; then
		echo "stowage needs Python 3.11 or newer on PATH:$${found:- no python3 there}" >&2
		exit 1
	fi
	# Debian ships the part that puts pip into a virtual environment as a package of its own.
	if ! $$python -c 'import ensurepip, venv' 2> /dev/null; then
		package=$$($$python -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
		if [ "$$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
			echo "$$python cannot make a virtual environment: install the system package $$package, then run make again" >&2
			exit 1
		fi
		echo "==> installing the system package $$package"
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "$$package" > /dev/null
	fi
	echo "==> making $(VENV) with $$python $$version"
	rm -rf $(VENV)
	$$python -m venv $(VENV)
	touch $@

$(VENV)/.runtime: requirements.lock pyproject.toml $(VENV)/.created
	@echo "==> installing requirements.lock (once; about a minute)"
	$(INSTALL_LOCK) requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.programs: Makefile $(VENV)/.created
	@missing=
	for each in $(PROGRAMS); do
		command -v "$${each%%:*}" > /dev/null || missing="$$missing $${each##*:}"
	done
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
		echo "==> installing the system packages$$missing"
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $$missing > /dev/null \
			|| echo "not all could be installed: tests that need them are skipped"
	elif [ -n "$$missing" ]; then
		echo "not installed:$$missing; tests that need them are skipped"
	fi
	touch $@

$(VENV)/.tests: tests/requirements.lock $(VENV)/.runtime $(VENV)/.programs
	@echo "==> installing tests/requirements.lock"
	$(INSTALL_LOCK) tests/requirements.lock
	touch $@
