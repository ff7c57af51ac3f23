# Parley: one Makefile. `make help` lists the targets.
#
# Variants live in folders of their own: make, make RELEASE=1, make SAN=address,undefined, make SAN=thread. Generated code is under $(BUILD).
# A folder under services/ with a main.c is a service, whose files may stand in folders of one more level (its own -I); sources and tests are found by name,
# nothing is registered.

SHELL := /bin/bash
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

SAN ?=
FUZZ_SECONDS ?= 10
# V=1 shows whole commands
Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)")
RELEASE ?=
comma := ,
VARIANT := $(if $(SAN),san-$(subst $(comma),-,$(SAN)),$(if $(RELEASE),release,debug))
BUILD ?= build/$(VARIANT)

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Werror
OPTIMISE := $(if $(RELEASE),-O2 -fno-omit-frame-pointer,$(if $(SAN),-O1 -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all,-O1))
# gcc 14 takes memory that the arena poisons for memory that is read.
WARNINGS += $(if $(SAN),$(if $(findstring clang,$(CC)),,-Wno-maybe-uninitialized))
CFLAGS += -std=c17 -D_GNU_SOURCE -g $(OPTIMISE) $(WARNINGS) -pthread
CPPFLAGS += -Ishared -I$(BUILD)/gen
LDFLAGS += -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN)) -pthread
LIBS := -lnats -lpq -lcurl -lcivetweb -lprotobuf-c -lcjson -lcrypto -licui18n -licuuc -lxml2 -lm
CPPFLAGS += $(shell pkg-config --cflags libpq libprotobuf-c libxml-2.0 2>/dev/null)

# Generated: the package on the wire is parley.v1; in C it is `pb`, so that a lead is struct Pb__Lead.
PROTOS := $(sort $(wildcard proto/parley/v1/*.proto))
GEN_C := $(PROTOS:proto/%.proto=$(BUILD)/gen/%.pb-c.c)
GEN_H := $(GEN_C:.c=.h)
GEN_O := $(GEN_C:.c=.o) $(BUILD)/gen/wire/comments.o

SHARED_C := $(filter-out %_test.c,$(wildcard shared/*/*.c))
SHARED_O := $(SHARED_C:%.c=$(BUILD)/%.o)
LIBRARY := $(BUILD)/libparley.a

SERVICES := $(patsubst services/%/main.c,%,$(wildcard services/*/main.c))
BINARIES := $(SERVICES:%=$(BUILD)/bin/%)
SIMULATOR := $(if $(wildcard tests/simulator/main.c),$(BUILD)/tests/simulator/simulator)

UNIT_C := $(wildcard shared/*/*_test.c services/*/*_test.c services/*/*/*_test.c)
UNIT := $(UNIT_C:%.c=$(BUILD)/%)

.PHONY: all
all: $(BINARIES) $(SIMULATOR) ## build every service and the vendor simulator

$(BUILD)/gen/parley/v1/%.pb-c.c $(BUILD)/gen/parley/v1/%.pb-c.h: proto/parley/v1/%.proto $(PROTOS)
	@mkdir -p $(BUILD)/gen $(BUILD)/proto-$*/parley/v1
	@for p in $(PROTOS); do sed 's/^package parley\.v1;/package pb;/' $$p > $(BUILD)/proto-$*/$${p#proto/}; done
	$(Q)protoc-c --proto_path=$(BUILD)/proto-$* --c_out=$(BUILD)/gen parley/v1/$*.proto
	@rm -rf $(BUILD)/proto-$*

# What stands beside the fields becomes a table, for the REST description (shared/wire/comment.h).
$(BUILD)/gen/wire/comments.c: infra/dev/comments.awk $(PROTOS)
	@mkdir -p $(@D)
	$(Q)awk -f infra/dev/comments.awk $(PROTOS) > $@

# A service's migrations become one table in its binary (shared/service/migrations.h).
.SECONDEXPANSION:
$(BUILD)/gen/services/%/migrations.c: infra/dev/migrations.awk $$(sort $$(wildcard services/%/migrations/*.sql))
	@mkdir -p $(@D)
	$(Q)awk -f infra/dev/migrations.awk $(filter %.sql,$^) > $@

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c | $(GEN_H)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -Wconversion -Wpedantic,$(CFLAGS)) -MMD -MP -c $< -o $@

$(BUILD)/%.o: %.c | $(GEN_H)
	@mkdir -p $(@D)
	$(call say,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(LIBRARY): $(SHARED_O) $(GEN_O)
	@rm -f $@
	$(Q)ar rcs $@ $^

sources_of = $(filter-out %_test.c,$(wildcard services/$(1)/*.c services/$(1)/*/*.c))
migrations_of = $(if $(wildcard services/$(1)/migrations/*.sql),$(BUILD)/gen/services/$(1)/migrations.o)

define service_rule
$(BUILD)/services/$(1)/%.o: CPPFLAGS += -Iservices/$(1)
$(BUILD)/bin/$(1): $(patsubst %.c,$(BUILD)/%.o,$(call sources_of,$(1))) $(call migrations_of,$(1)) $(LIBRARY)
	@mkdir -p $$(@D)
	$$(call say,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $(LIBRARY) $$(LIBS)
endef
$(foreach s,$(SERVICES),$(eval $(call service_rule,$(s))))

$(BUILD)/tests/simulator/simulator: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/simulator/*.c))
	$(call say,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcurl -lcjson -lcrypto -lm

# The no-op benchmark's driver and worker.
BENCH := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/*.c))
$(BENCH): %: %.o $(LIBRARY)
	$(call say,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS)

# A unit test links the library and, of a service, all its files but main.c.
room_of = $(word 2,$(subst /, ,$(1)))
define unit_rule
$(BUILD)/$(1): $(BUILD)/$(1).o $(LIBRARY) \
    $(if $(filter services/%,$(1)),$(patsubst %.c,$(BUILD)/%.o,$(filter-out %/main.c,$(call sources_of,$(call room_of,$(1))))) \
    $(call migrations_of,$(call room_of,$(1))))
	$$(call say,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $(LIBRARY) $$(LIBS) -lcmocka
endef
$(foreach t,$(UNIT_C:.c=),$(eval $(call unit_rule,$(t))))

.PHONY: units
units: $(UNIT)

C_FILES := $(sort $(wildcard shared/*/*.[ch] services/*/*.[ch] services/*/*/*.[ch] tests/*/*.[ch]))

# -- the two commands

.PHONY: run
run: ## build and run all of it under var/, with the vendor simulator; Ctrl-C stops it
	@infra/dev/packages build run
	@$(MAKE) --no-print-directory RELEASE=1 all swagger-ui
	@exec infra/dev/run build/release

.PHONY: test
test: ## everything: unit, integration, end to end, a short chaos and fuzz round
	@infra/dev/packages build run test
	@infra/dev/test

.PHONY: chaos
chaos: ## the chaos suite in full: kills, stops, hostile parts, many seeds; about an hour. CHAOS_SEED=n repeats a run
	@infra/dev/packages build run test
	@infra/dev/chaos

.PHONY: fuzz
fuzz: ## every parser that meets the outside, FUZZ_SECONDS (10) each
	@infra/dev/packages build test
	@FUZZ_SECONDS=$(FUZZ_SECONDS) infra/dev/fuzz

.PHONY: bench-programs
bench-programs: $(BENCH)

.PHONY: bench
bench: ## measure it: tests/bench; figures of one run, to be read as ratios
	@infra/dev/packages build run test
	@$(MAKE) --no-print-directory RELEASE=1 all bench-programs
	@tests/bench/run build/release

.PHONY: status
status: ## gateway, broker, database and workers of a running `make run`
	@infra/dev/status

# The API page's assets; without npm the page links the document instead.
.PHONY: swagger-ui
swagger-ui: build/swagger-ui/swagger-ui.css
build/swagger-ui/swagger-ui.css: tests/package.json
	@infra/dev/swagger-ui

.PHONY: fmt
fmt: ## lay out every C file by .clang-format
	@infra/dev/packages lint
	clang-format -i $(C_FILES)

.PHONY: lint
lint: $(GEN_H) ## layout, layers, banned calls, clang-tidy, cppcheck, both compilers
	@infra/dev/packages build test lint
	@infra/lint/lint $(BUILD)

.PHONY: clean
clean: ## remove build/ and var/
	rm -rf build var

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
