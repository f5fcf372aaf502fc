# targets.mk - the same bits on other machines: runs the cases there, mostly under emulation, and on
# this machine at every SIMD level, and compares all hashes.
#
#   make firmware    on a Cortex-M4F, with the flash and the stack that they take; needs cargo, cc,
#                    the Arm compiler, QEMU and the Rust target
#   make targets     on every target whose tools are here (see run.sh), and a table of them all

BUILD ?= build
CARGO ?= cargo
same_bits_dir := $(dir $(lastword $(MAKEFILE_LIST)))
same_bits_cargo_dir := $(BUILD)/cargo-targets
# The library of this machine: that of the Makefile which includes this file, or one of our own.
STATIC ?= $(same_bits_cargo_dir)/release/librobust_ot.a
same_bits_run = BUILD=$(BUILD) CARGO=$(CARGO) CC=$(CC) STATIC=$(STATIC) sh $(same_bits_dir)run.sh

.PHONY: firmware targets

ifeq ($(STATIC),$(same_bits_cargo_dir)/release/librobust_ot.a)
.PHONY: $(STATIC)
$(STATIC):
	$(CARGO) rustc --manifest-path $(same_bits_dir)../../Cargo.toml --lib --release --locked \
		--features capi --crate-type staticlib --target-dir $(same_bits_cargo_dir) \
		-- --cfg rot_freestanding
endif

firmware: $(STATIC)
	@$(same_bits_run) cortex-m4f

targets: $(STATIC)
	@$(same_bits_run) all
