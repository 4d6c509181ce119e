# safepatch: build, set-up, tests. Experiments: experiments/experiments.mk.
#   make            the five tools in bin/
#   make deps       install what is missing (Debian), or say what to install
#   make check      all tests under ASan + UBSan
#   make help       every target with one line
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

# `make deps GOAL...`: install first, then look at the machine anew for the rest, also under -j.
GOALS := $(filter-out deps,$(MAKECMDGOALS))
ifneq ($(and $(filter deps,$(MAKECMDGOALS)),$(GOALS)),)
.PHONY: deps-first $(GOALS)
$(GOALS): deps-first ; @:
deps-first: deps ; @$(MAKE) --no-print-directory $(GOALS)
else

MODE ?= opt
# DNNL=1: products in BF16 through oneDNN, on processors that have them. Never mixed with the other build.
DNNL ?=
BUILD := $(MODE)$(if $(DNNL),-dnnl)
B := build/$(BUILD)
BIN := $(if $(filter opt,$(BUILD)),bin,$(B)/bin)
TOOLS := $(basename $(notdir $(wildcard tools/sp-*.c)))

ARCH ?= native
CFLAGS_opt := -O3 -march=$(ARCH)
CFLAGS_asan := -O1 -march=$(ARCH) -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS ?=
PKGS := libzstd jansson libpcre2-8
BLAS := $(shell pkg-config --exists openblas 2>/dev/null && echo openblas)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) $(BLAS) 2>/dev/null)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) $(BLAS) 2>/dev/null)
FOUND = $(if $(PKG_LIBS),,$(error libraries are missing: run 'make deps' first))
ALL_CFLAGS = $(FOUND)-std=c11 -D_GNU_SOURCE -g -Wall -Wextra -Wshadow -Wstrict-prototypes -Wpointer-arith \
  -Werror=implicit-function-declaration -fno-math-errno -fno-trapping-math -fopenmp -pthread -Ilib $(PKG_CFLAGS) \
  $(CFLAGS_$(MODE)) $(if $(DNNL),-DSP_DNNL) $(CFLAGS)
ALL_LIBS = -Wl,--as-needed $(PKG_LIBS) $(if $(BLAS),,-lopenblas) $(if $(DNNL),-ldnnl) -lm
# One word a step, unless V=1 asks for the commands.
say = $(if $(V),,@echo "$1 $@";)

LIB_SRC := $(filter-out $(if $(DNNL),,lib/engine/gemm_dnnl.c),$(wildcard lib/*/*.c lib/*/*/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%)

.PHONY: all
all: $(TOOLS:%=$(BIN)/%) ## build the five tools into bin/

$(BIN)/%: $(B)/tools/%.o $(B)/libsp.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)

$(B)/libsp.a: $(LIB_OBJ)
	$(call say,AR)rm -f $@; ar rcs $@ $^

# Multiply-adds may fuse in the engine; elsewhere every rounding stays as written (byte-exact identities).
$(filter $(B)/lib/engine/%.o,$(LIB_OBJ)): ALL_CFLAGS += -ffp-contract=fast

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/libsp.a
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(ALL_LIBS)
.PRECIOUS: $(B)/%.o

-include $(LIB_OBJ:.o=.d) $(TOOLS:%=$(B)/tools/%.d) $(UNIT_BIN:=.d)

.PHONY: unit-tests
unit-tests: $(UNIT_BIN)

# The others compare with values of F32 products.
TESTS := $(if $(DNNL),$(patsubst %,$(B)/tests/unit/test_%,dnnl engine tune batch))

.PHONY: check
check: ## all tests, under ASan + UBSan
	@$(MAKE) --no-print-directory MODE=asan test

.PHONY: mutants
mutants: all unit-tests ## break the code in many small ways; the tests must notice each
	@SP_MODE=$(BUILD) tests/mutate.sh

.PHONY: test
test: all unit-tests ## all tests, optimised build: quicker, for daily work
	@SP_MODE=$(BUILD) tests/run $(TESTS)

.PHONY: format
format: ## the C files as clang-format writes them (tests/format; `make check` verifies it)
	@tests/format --apply

.PHONY: rooms
rooms: ## who includes whom: breaches of the order of lib/, modules, levels
	@tests/rooms

MAN := $(patsubst man/%.in,build/man/%,$(wildcard man/*.in))
.PHONY: man
man: $(MAN) ## the manual pages, their OPTIONS taken from --help
build/man/%.1: man/%.1.in man/page.awk $(BIN)/%
	@mkdir -p $(@D)
	$(call say,MAN)$(BIN)/$* --help | awk -f man/page.awk - $< >$@

PREFIX ?= /usr/local
.PHONY: install
install: all man ## into PREFIX (default /usr/local), below DESTDIR if set
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin share/man/man1 share/man/man5)
	install $(TOOLS:%=$(BIN)/%) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(MAN) $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5

.PHONY: clean
clean: ## remove everything built (results stay)
	rm -rf build bin

.PHONY: help
help: ## this list
	@grep -hE '^[a-z][a-zA-Z0-9_%-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([^:]*):.*## /\1\t/' | \
	    awk -F'\t' '{ printf "  %-22s %s\n", $$1, $$2 }'

include experiments/experiments.mk benchmarks/data.mk
include $(wildcard tests/*/*.mk perf/*.mk)
endif

.PHONY: deps
DEB_PKGS := gcc make pkg-config libopenblas-openmp-dev libzstd-dev libjansson-dev libpcre2-dev libcmocka-dev bats clang-format libomp-dev jq zstd gnuplot-nox curl ca-certificates unzip zip
deps: ## install what is missing (Debian/Ubuntu), or say what to install
	@tools/install-deps $(DEB_PKGS) $(if $(DNNL),libdnnl-dev)
