# safepatch: build, set-up, tests. Experiments live in pipelines/*.mk.
#   make            the five tools in bin/
#   make deps       install what is missing (Debian), or say what to install
#   make check      all tests under ASan + UBSan
#   make help       every target with one line
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

MODE ?= opt
B := build/$(MODE)
BIN := $(if $(filter opt,$(MODE)),bin,$(B)/bin)
TOOLS := sp-grad sp-diff sp-mask sp-merge sp-eval

CFLAGS_opt := -O3 -march=native
CFLAGS_asan := -O1 -march=native -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS ?=
PKGS := libzstd jansson libpcre2-8
BLAS := $(shell pkg-config --exists openblas 2>/dev/null && echo openblas)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -g -Wall -Wextra -Wshadow -Wstrict-prototypes -Wpointer-arith -Werror=implicit-function-declaration \
  -fopenmp -pthread -Ilib $(shell pkg-config --cflags $(PKGS) $(BLAS) 2>/dev/null) $(CFLAGS_$(MODE)) $(CFLAGS)
ALL_LIBS = -Wl,--as-needed $(shell pkg-config --libs $(PKGS) $(BLAS) 2>/dev/null) -lm

LIB_SRC := $(wildcard lib/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
UNIT_SRC := $(wildcard tests/unit/*.c)
UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%)

.PHONY: all
all: $(TOOLS:%=$(BIN)/%) ## build the five tools into bin/

$(BIN)/%: $(B)/tools/%.o $(B)/libsp.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)

$(B)/libsp.a: $(LIB_OBJ)
	rm -f $@; ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/libsp.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(ALL_LIBS)
.PRECIOUS: $(B)/%.o

-include $(LIB_OBJ:.o=.d) $(TOOLS:%=$(B)/tools/%.d) $(UNIT_BIN:=.d)

.PHONY: unit-tests
unit-tests: $(UNIT_BIN)

.PHONY: check
check: ## all tests, under ASan + UBSan
	$(MAKE) MODE=asan all unit-tests
	SP_MODE=asan tests/run

.PHONY: deps
DEB_PKGS := gcc make pkg-config libopenblas-openmp-dev libzstd-dev libjansson-dev libpcre2-dev libcmocka-dev bats jq zstd gnuplot-nox
deps: ## install what is missing (Debian/Ubuntu), or say what to install
	@tools/install-deps $(DEB_PKGS)

.PHONY: clean
clean: ## remove everything built (results stay)
	rm -rf build bin

.PHONY: help
help: ## this list
	@grep -hE '^[a-z][a-zA-Z0-9_%-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([^:]*):.*## /\1\t/' | awk -F'\t' '{ printf "  %-22s %s\n", $$1, $$2 }'

include $(wildcard pipelines/*.mk)
