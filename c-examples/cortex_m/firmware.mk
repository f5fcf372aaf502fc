# firmware.mk - the same bits on a microcontroller: runs the cases on a Cortex-M4F under QEMU and on
# this machine at every SIMD level, and compares all hashes.
#
#   make firmware    needs cargo, cc, the Arm compiler, QEMU and the Rust target
#
# The firmware links nothing but the library: no C library, no start files.

BUILD ?= build
CARGO ?= cargo
RUSTC ?= rustc
FIRMWARE_CARGO_DIR ?= $(BUILD)/cargo-firmware
ARM_CC ?= arm-none-eabi-gcc
ARM_SIZE ?= arm-none-eabi-size
QEMU_ARM ?= qemu-system-arm

firmware_target := thumbv7em-none-eabihf
firmware_dir := $(dir $(lastword $(MAKEFILE_LIST)))
firmware_root := $(firmware_dir)../..
firmware_out = $(BUILD)/firmware
firmware_flags := -std=c99 -Wall -Wextra -Werror -pedantic -ffp-contract=off -O2 \
	-I$(firmware_root)/include
firmware_arm_flags := -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -ffreestanding \
	-ffunction-sections -fno-tree-loop-distribute-patterns
firmware_ld_flags := -nostdlib -Wl,--gc-sections,-z,noexecstack -T$(firmware_dir)link.ld
firmware_cargo = $(CARGO) rustc --manifest-path $(firmware_root)/Cargo.toml --lib --release --locked \
	--features capi --crate-type staticlib --target-dir $(FIRMWARE_CARGO_DIR)
# The library of this machine: that of the Makefile which includes this file, or one of our own.
STATIC ?= $(FIRMWARE_CARGO_DIR)/release/librobust_ot.a

.PHONY: firmware firmware-tools

# A target that names the tools which are missing, with the lines that install them.
firmware-tools:
	@missing=; \
	for tool in $(ARM_CC) $(ARM_SIZE) $(QEMU_ARM); do \
		command -v $$tool >/dev/null 2>&1 || missing="$$missing $$tool"; \
	done; \
	test -d "$$($(RUSTC) --print target-libdir --target $(firmware_target))" || \
		missing="$$missing $(firmware_target)"; \
	if test -n "$$missing"; then \
		echo "NOT RUN: firmware: missing:$$missing" >&2; \
		echo "  apt-get install gcc-arm-none-eabi qemu-system-arm" >&2; \
		echo "  rustup target add $(firmware_target)" >&2; \
		exit 1; \
	fi

ifeq ($(STATIC),$(FIRMWARE_CARGO_DIR)/release/librobust_ot.a)
.PHONY: $(STATIC)
$(STATIC):
	$(firmware_cargo) -- --cfg rot_freestanding
endif

firmware: firmware-tools $(STATIC)
	@mkdir -p $(firmware_out)
	$(firmware_cargo) --target $(firmware_target) -- --cfg rot_freestanding
	$(ARM_CC) $(firmware_flags) $(firmware_arm_flags) $(firmware_dir)startup.c \
		$(firmware_dir)firmware.c $(firmware_dir)cases.c \
		$(FIRMWARE_CARGO_DIR)/$(firmware_target)/release/librobust_ot.a $(firmware_ld_flags) \
		-o $(firmware_out)/firmware.elf
	$(CC) $(firmware_flags) $(firmware_dir)host.c $(firmware_dir)cases.c \
		$(STATIC) -o $(firmware_out)/host
	$(ARM_SIZE) $(firmware_out)/firmware.elf
	timeout 600 $(QEMU_ARM) -M mps2-an386 -nographic -semihosting-config enable=on,target=native \
		-kernel $(firmware_out)/firmware.elf >$(firmware_out)/firmware.txt 2>&1 </dev/null || \
		{ cat $(firmware_out)/firmware.txt; exit 1; }
	cat $(firmware_out)/firmware.txt
	@sh $(firmware_dir)compare.sh $(firmware_out)
