# LLM Inference the Hard Way, in C.  `make help` lists what there is to make.
#
# Everything built goes to $(BUILD); the one program that users keep is ./gpt2.

BUILD ?= build
PKG_CONFIG ?= pkg-config
MODEL ?= models/tiny

# make takes a space for the end of a name. (The folder of the project itself may have some.)
ifneq ($(words $(BUILD)),1)
$(error BUILD="$(BUILD)": expected a folder's name without spaces)
endif

# --- flags ----------------------------------------------------------------------------------------

CFLAGS ?= -O3 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion
ifdef WERROR
WARNINGS += -Werror
endif
ifdef DEBUG
override CFLAGS := -O0 -g3
endif
ifdef SANITIZE
override CFLAGS += -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all
override LDFLAGS += -fsanitize=$(SANITIZE)
endif

# A mistake that a hostile file could use ends the program instead: calls that overflow a buffer,
# returns to another address, writes to the tables of addresses. HARDENING=no leaves this out.
ifeq ($(shell uname)$(SANITIZE),Linux)
ifneq ($(HARDENING),no)
SAFE_CFLAGS := -fstack-protector-strong -fPIE
SAFE_LDFLAGS := -pie -Wl,-z,relro,-z,now
ifneq ($(if $(findstring _FORTIFY_SOURCE,$(CFLAGS)$(CPPFLAGS)),,$(filter -O1 -O2 -O3 -Os,$(CFLAGS))),)
SAFE_CFLAGS += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif
endif
endif

# A 32-bit x86 would compute with its old unit, which keeps more digits than a float has: the pages'
# numbers would come out differently. So the newer one is used, which all but the oldest have.
ifeq ($(shell echo __i386__ | $(CC) $(CFLAGS) $(CPPFLAGS) -E -P - 2>/dev/null),1)
FLOAT_CFLAGS := -msse2 -mfpmath=sse
endif

# Where the headers of libraries are. They are not ours: the compiler does not warn about them.
cflags_of = $(patsubst -I%,-isystem%,$(shell $(PKG_CONFIG) --cflags $(1) 2>/dev/null))

LIBRARIES := libcjson libutf8proc
ifeq ($(shell $(PKG_CONFIG) --exists libedit 2>/dev/null && echo yes),yes)
LIBRARIES += libedit
DEFINES += -DHAVE_LIBEDIT
endif

# stb_image_write is a header alone, which writes PNGs. Not every system has a package of it;
# without it everything else works, and the build says so.
NEEDS_NO_LIBRARIES := help clean model
STB_CFLAGS := $(call cflags_of,stb)
has_header = $(shell printf '\043include <$(1)>\n' | \
	$(CC) $(CPPFLAGS) $(STB_CFLAGS) -E - >/dev/null 2>&1 && echo yes)
ifneq ($(call has_header,stb/stb_image_write.h)$(call has_header,stb_image_write.h),)
DEFINES += -DHAVE_STB $(STB_CFLAGS)
else ifneq ($(filter-out $(NEEDS_NO_LIBRARIES),$(or $(MAKECMDGOALS),all)),)
$(info stb_image_write was not found: building without PNG pictures (scripts/setup.sh installs it))
endif

ALL_CFLAGS = -std=c11 $(WARNINGS) $(SAFE_CFLAGS) $(FLOAT_CFLAGS) $(CFLAGS) $(CPPFLAGS) $(DEFINES) \
	-pthread -MMD -MP $(call cflags_of,$(LIBRARIES))
LIBS = $(shell $(PKG_CONFIG) --libs $(LIBRARIES)) -lm -pthread

# Without the libraries nothing can be built, so say how to get them before the compiler complains.
ifneq ($(filter-out $(NEEDS_NO_LIBRARIES),$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell $(PKG_CONFIG) --exists 'libcjson >= 1.7.13' libutf8proc 2>/dev/null && echo yes),yes)
$(error The libraries cJSON (1.7.13 or newer) and utf8proc, or pkg-config, are missing: run scripts/setup.sh)
endif
endif

# --- sources --------------------------------------------------------------------------------------

LIBRARY_SOURCES := $(wildcard common/*.c common/kernels/*.c common/plot/*.c)
GPT2_SOURCES := step8_kvcache/gpt2.c $(wildcard step8_kvcache/cli/*.c)
STEPS := $(patsubst %/main.c,%,$(wildcard step*_*/main.c))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
TEST_TOOLS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/*.c))
# It puts itself between the engine and its kernels, which only some linkers can do.
ifneq ($(shell uname),Linux)
TEST_TOOLS := $(filter-out $(BUILD)/tests/loss,$(TEST_TOOLS))
endif
$(BUILD)/tests/loss: LDFLAGS += -Wl,--wrap=kernels_for_this_processor
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_MAIN = $(BUILD)/tests/fuzz/main.o
BENCH_TOOLS := $(patsubst scripts/bench/%.c,$(BUILD)/bench/%,\
	$(filter-out scripts/bench/results.c,$(wildcard scripts/bench/*.c)))
# It asks glibc for the malloc behind malloc, which other C libraries have no name for.
ifeq ($(shell printf '\043include <errno.h>\n__GLIBC__\n' | $(CC) -E -P - 2>/dev/null | tail -1),2)
FAULTS := $(BUILD)/tests/faults.so
endif

LIBRARY := $(BUILD)/libgpt2.a
GPT2_OBJECTS := $(GPT2_SOURCES:%.c=$(BUILD)/%.o)

# --- what there is to make ------------------------------------------------------------------------

.PHONY: all gpt2 test tests fuzz fuzz_targets docs bench model clean help
all: gpt2 $(STEPS:%=$(BUILD)/%/main)

# The program is built in $(BUILD). In the usual place it is also put where the pages say, ./gpt2.
gpt2: $(BUILD)/gpt2
ifeq ($(BUILD),build)
	@cmp -s $(BUILD)/gpt2 gpt2 || { cp $(BUILD)/gpt2 gpt2.new && mv -f gpt2.new gpt2; }
endif

# make step4 PROMPT="the cache was empty" MODEL=models/gpt2
# The program gets both from the environment, as they were typed: no character in them means
# anything to make ($(value ...) does not expand) or to a shell.
override PROMPT := $(value PROMPT)
override MODEL := $(value MODEL)
export PROMPT MODEL
STEP_NAMES := step1 step2 step3 step4 step5 step6 step7 step8
.PHONY: $(STEP_NAMES)
define step_rule
$(1): $(patsubst %,$(BUILD)/%/main,$(filter $(1)_%,$(STEPS)))
	$(if $(filter $(1)_%,$(STEPS)),@$(BUILD)/$(filter $(1)_%,$(STEPS))/main -m "$$$$MODEL",\
	@echo "$(1): this step's program is not here yet" >&2; exit 1)
endef
$(foreach step,$(STEP_NAMES),$(eval $(call step_rule,$(step))))

test: gpt2 tests
	@BUILD="$(BUILD)" tests/run.sh

# The programs that the tests run, without running them.
tests: $(UNIT_TESTS) $(TEST_TOOLS) $(FUZZ_TARGETS) $(BENCH_TOOLS) $(FAULTS)

# Looks for inputs that break the library, SECONDS for each kind; needs clang.
SECONDS = 60
fuzz:
	tests/fuzz/run.sh "$(SECONDS)"

fuzz_targets: $(FUZZ_TARGETS)

docs: all $(BUILD)/bench/table
	python3 scripts/weave.py

bench:
	scripts/bench.sh

model:
	scripts/download_model.sh

clean:
	rm -rf $(BUILD) out gpt2

help:
	@echo "make            build everything: ./gpt2 and every step"
	@echo "make gpt2       build ./gpt2"
	@echo "make step1      build and run step 1 (to 8): PROMPT=\"...\" MODEL=DIR are its input"
	@echo "make test       run all tests (scripts/test.sh installs what they need first)"
	@echo "make fuzz       look for inputs that break it: SECONDS=60 for each kind (needs clang)"
	@echo "make docs       put code and output on the pages anew"
	@echo "make bench      measure the speed"
	@echo "make model      download GPT-2 124M to models/gpt2 (548 MB)"
	@echo "make clean      remove everything built"
	@echo
	@echo "DEBUG=1         for a debugger: no optimization"
	@echo "SANITIZE=address,undefined    find memory errors at run time"
	@echo "BUILD=dir       build somewhere else than in build/"
	@echo "HARDENING=no    without the compiler's protection against our own mistakes"
	@echo "CC=clang        another compiler;  WERROR=1 makes warnings errors"

# --- how ------------------------------------------------------------------------------------------

# A change of flags or compiler rebuilds everything: objects depend on a file that holds them.
FLAGS_FILE := $(BUILD)/flags
FLAGS_NOW = $(CC) $(ALL_CFLAGS) $(SAFE_LDFLAGS) $(LDFLAGS) $(LIBS)
ifneq ($(filter-out $(NEEDS_NO_LIBRARIES),$(or $(MAKECMDGOALS),all)),)
$(shell mkdir -p $(BUILD) && printf '%s\n' '$(FLAGS_NOW)' > $(FLAGS_FILE).new && \
	{ cmp -s $(FLAGS_FILE).new $(FLAGS_FILE) || cp $(FLAGS_FILE).new $(FLAGS_FILE); })
endif

$(BUILD)/%.o: %.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(LIBRARY): $(LIBRARY_SOURCES:%.c=$(BUILD)/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/gpt2: $(GPT2_OBJECTS) $(LIBRARY)
	$(CC) $(SAFE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/step%/main: $(BUILD)/step%/main.o $(LIBRARY)
	$(CC) $(SAFE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(UNIT_TESTS:$(BUILD)/tests/%=$(BUILD)/tests/unit/%.o): DEFINES += $(call cflags_of,cmocka)
$(UNIT_TESTS): $(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(LIBRARY)
	$(CC) $(SAFE_LDFLAGS) $(LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs cmocka) $(LIBS)

# FUZZ_MAIN= leaves the main out: libFuzzer has its own.
$(FUZZ_TARGETS): $(BUILD)/tests/%: $(BUILD)/tests/fuzz/%.o $(FUZZ_MAIN) $(LIBRARY)
	$(CC) $(SAFE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# It stands between a program and the C library, so nothing may stand between those two and it.
$(BUILD)/tests/faults.so: tests/faults/preload.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(CC) -std=c11 $(WARNINGS) -O1 -shared -fPIC -o $@ $< -ldl

$(TEST_TOOLS): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(SAFE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BENCH_TOOLS): $(BUILD)/bench/%: $(BUILD)/scripts/bench/%.o $(BUILD)/scripts/bench/results.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
