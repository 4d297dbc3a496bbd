# make help lists the targets. Everything installs what it needs through tools/bootstrap.

PROJECT ?= examples/shop
PREFIX ?= /usr/local
VENV := .venv/bin
MESON := $(VENV)/meson
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help adopt build asan test check unit e2e real bench fuzz fault compat crash install uninstall clean bootstrap rules tsan

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

bootstrap: ## install what comb needs to be built and tested
	@tools/bootstrap

build: bootstrap ## build/comb and the plugin for .venv
	@[ -f build/build.ninja ] || $(MESON) setup build --werror >/dev/null
	@$(VENV)/ninja -C build --quiet
	@tools/link-plugin build

asan: bootstrap ## the same under ASan and UBSan, in build-asan (gcc warns falsely under them, so without -Werror)
	@[ -f build-asan/build.ninja ] || $(MESON) setup build-asan -Doptimization=1 -Dc_args=-Wno-format-truncation -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
	@$(VENV)/ninja -C build-asan --quiet
	@tools/link-plugin build-asan

adopt: build ## the main job: make adopt PROJECT=path (a project inside this repository is copied first)
	@tools/adopt $(PROJECT)

test: build asan ## all tests
	@tools/run-tests

check: build unit ## before every commit: build, unit and golden tests, house rules; under a minute
	@tools/house-rules

unit: build ## C unit tests
	@$(MESON) test -C build --quiet

compat: build ## plugins, and Python x pytest, beside serial and xdist: writes docs/COMPATIBILITY.md (half an hour; COMB_COMPAT=--resume goes on)
	@$(VENV)/python tests/compat/run.py $(COMB_COMPAT)

crash: build asan ## tests that take their process with them, COMB_CRASH_ROUNDS (20) times in a row, then once with the extension under ASan
	@tools/crash-rounds $(or $(COMB_CRASH_ROUNDS),20)

install: ## build in release mode, without the tests, and install: make install PREFIX=/usr/local [DESTDIR=folder]
	@tools/bootstrap install
	@[ -f build-install/build.ninja ] || $(MESON) setup build-install -Dbuildtype=release -Dtests=false --prefix=$(PREFIX) --libdir=lib >/dev/null
	@$(MESON) configure build-install --clearcache -Dprefix=$(PREFIX) -Dtests=false
	@DESTDIR=$(DESTDIR) $(MESON) install -C build-install --quiet

uninstall: ## remove what the last make install from this folder put in place
	@[ -f build-install/meson-logs/install-log.txt ] || { echo "make uninstall: nothing was installed from this folder" >&2; exit 2; }
	@plugin=$$(sed -n 's|/pytest_comb/plugin\.py$$||p' build-install/meson-logs/install-log.txt) && \
		$(VENV)/ninja -C build-install --quiet uninstall >/dev/null && \
		rm -rf "$${plugin:?}" build-install/meson-logs/install-log.txt # what Python compiled there too

rules: build ## write docs/RULES.md from the tables of rules
	@mkdir -p docs && build/comb explain --markdown >docs/RULES.md

bench: build ## measure against serial pytest and pytest-xdist into docs/BENCH.md: make bench ROW=trivial (default: all rows, long)
	@$(VENV)/python bench/bench.py $(ROW)

tsan: bootstrap ## ring and board with threads under ThreadSanitizer, in build-tsan: the scheduler runs under the board's lock alone
	@[ -f build-tsan/build.ninja ] || $(MESON) setup build-tsan -Doptimization=1 -Db_sanitize=thread -Db_lundef=false >/dev/null
	@$(MESON) compile -C build-tsan --ninja-args=--quiet tests/unit/test_ring tests/unit/test_board
	@for name in ring board; do TSAN_OPTIONS=halt_on_error=1 build-tsan/tests/unit/test_$$name || exit 1; done

fuzz: ## the editors on random files, FUZZ_SECONDS (60) each, with libFuzzer
	@tools/fuzz $(or $(FUZZ_SECONDS),60)

fault: build ## comb adopt killed at random moments, COMB_FAULT_ROUNDS (10) times, from COMB_FAULT_SEED (1)
	@COMB=$(CURDIR)/build/comb .venv/bin/python -m pytest -q -p no:cacheprovider tests/fault

real: build ## adopt all real projects (tests/real) and write docs/REAL.md; takes a while
	@COMB=$(CURDIR)/build/comb $(VENV)/python tests/real/real.py --table docs/REAL.md

clean: ## remove what was built (keeps .venv and grammars)
	rm -rf build build-* dist
