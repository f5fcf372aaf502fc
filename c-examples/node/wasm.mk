# wasm.mk - the library as WebAssembly, solving a problem from Node's typed arrays.
#
#   make wasm    needs cargo, clang, lld and Node; SIMD=1 for a host with simd128

CLANG ?= clang
NODE ?= node
wasm_dir := $(dir $(lastword $(MAKEFILE_LIST)))
wasm_folder := $(BUILD)/cargo-$(if $(SIMD),simd128,targets)

.PHONY: wasm

wasm:
	$(CARGO) rustc --manifest-path $(wasm_dir)../../Cargo.toml --lib --release --locked \
		--features capi --crate-type staticlib --target wasm32-unknown-unknown \
		--target-dir $(wasm_folder) \
		-- --cfg rot_freestanding $(if $(SIMD),-C target-feature=+simd128)
	$(CLANG) --target=wasm32-unknown-unknown -std=c99 -Wall -Wextra -Werror -pedantic -O2 \
		-ffp-contract=off -ffreestanding -I$(wasm_dir)../../include $(wasm_dir)solve.c \
		$(wasm_folder)/wasm32-unknown-unknown/release/librobust_ot.a \
		-nostdlib -Wl,--no-entry,--export=__heap_base,--gc-sections -o $(BUILD)/solve.wasm
	$(NODE) $(wasm_dir)solve.js $(BUILD)/solve.wasm
