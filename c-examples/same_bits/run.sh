#!/bin/sh
# run.sh TARGET... - builds the library and the cases for each target, runs them there, and compares
# every line with what this machine gives at each of its levels. With `all`: every target whose tools
# there are.
#
# From the environment: STATIC (this machine's library), BUILD, CARGO, RUSTC, CC; the names of the other
# tools below.
set -eu
here=$(dirname "$0")
examples=$here/..
: "${BUILD:=build}" "${CARGO:=cargo}" "${RUSTC:=rustc}" "${CC:=cc}"
: "${ARM_CC:=arm-none-eabi-gcc}" "${ARM_SIZE:=arm-none-eabi-size}" "${QEMU_ARM:=qemu-system-arm}"
: "${CLANG:=clang}" "${QEMU_RISCV:=qemu-system-riscv32}" "${NODE:=node}"
: "${ARM64_CC:=aarch64-linux-gnu-gcc}" "${QEMU_ARM64:=qemu-aarch64}"
out=$BUILD/same_bits
all="cortex-m4f cortex-m0 riscv32 wasm wasm-simd128 aarch64"
flags="-std=c99 -Wall -Wextra -Werror -pedantic -ffp-contract=off -O2"
flags="$flags -I$examples/../include -I$here"

# What a target is, the tools that it needs, and where they come from.
describe() {
    case $1 in
    cortex-m4f)
        what="Cortex-M4F, f32 in hardware (QEMU, mps2-an386)"
        rust=thumbv7em-none-eabihf tools="$ARM_CC $ARM_SIZE $QEMU_ARM"
        packages="gcc-arm-none-eabi qemu-system-arm" ;;
    cortex-m0)
        what="Cortex-M0, soft float (QEMU, microbit with more memory)"
        rust=thumbv6m-none-eabi tools="$ARM_CC $ARM_SIZE $QEMU_ARM"
        packages="gcc-arm-none-eabi qemu-system-arm" ;;
    riscv32)
        what="RISC-V, rv32imac, soft float (QEMU, virt)"
        rust=riscv32imac-unknown-none-elf tools="$CLANG ld.lld $QEMU_RISCV"
        packages="clang lld qemu-system-misc" ;;
    wasm)
        what="WebAssembly, scalar (Node)"
        rust=wasm32-unknown-unknown tools="$CLANG wasm-ld $NODE" packages="clang lld nodejs" ;;
    wasm-simd128)
        what="WebAssembly, simd128 (Node)"
        rust=wasm32-unknown-unknown tools="$CLANG wasm-ld $NODE" packages="clang lld nodejs" ;;
    aarch64)
        what="aarch64, NEON (QEMU, user mode)"
        rust=aarch64-unknown-linux-gnu tools="$ARM64_CC $QEMU_ARM64"
        packages="gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user" ;;
    *)
        echo "usage: run.sh all|TARGET...; targets: $all" >&2
        exit 2 ;;
    esac
}

# Whether the described target can be built and run here; what is missing, if not.
has_tools() {
    missing=
    for tool in $tools; do
        command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
    done
    test -d "$("$RUSTC" --print target-libdir --target "$rust")" || missing="$missing $rust"
    test -n "$missing" || return 0
    echo "NOT RUN: $1: missing:$missing" >&2
    echo "  apt-get install $packages" >&2
    echo "  rustup target add $rust" >&2
    return 1
}

# The library of the described target, with flags of the compiler.
library() {
    folder=$1
    shift
    "$CARGO" rustc --manifest-path "$examples/../Cargo.toml" --lib --release --locked \
        --features capi --crate-type staticlib --target-dir "$BUILD/$folder" --target "$rust" \
        -- --cfg rot_freestanding "$@"
    archive=$BUILD/$folder/$rust/release/librobust_ot.a
}

# The firmware links nothing but the library: no C library, no start files.
cortex() {
    # (The copy loops must not become calls of the copy functions that they are in.)
    "$ARM_CC" $flags "$@" -mthumb -ffreestanding -ffunction-sections \
        -fno-tree-loop-distribute-patterns "$examples/cortex_m/startup.c" \
        "$examples/cortex_m/firmware.c" "$here/cases.c" "$archive" \
        -nostdlib -Wl,--gc-sections,-z,noexecstack "-T$examples/cortex_m/link.ld" -o "$program"
    "$ARM_SIZE" "$program"
}

build() {
    program=$out/$1.elf
    case $1 in
    cortex-m4f)
        library cargo-targets
        cortex -mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16 ;;
    cortex-m0)
        library cargo-targets
        # Every operation is a call: the 64x48 cases are left out, which take half of the time.
        cortex -mcpu=cortex-m0 -mfloat-abi=soft -DCASES_SHORT ;;
    riscv32)
        library cargo-targets
        "$CLANG" --target=riscv32-unknown-elf -march=rv32imac -mabi=ilp32 $flags -ffreestanding \
            -ffunction-sections "$examples/riscv/board.c" "$here/cases.c" "$archive" -nostdlib \
            -fuse-ld=lld -Wl,--gc-sections "-T$examples/riscv/link.ld" -o "$program" ;;
    wasm | wasm-simd128)
        if test "$1" = wasm; then
            library cargo-targets
        else
            library cargo-simd128 -C target-feature=+simd128
        fi
        "$CLANG" --target=wasm32-unknown-unknown $flags -ffreestanding "$examples/node/board.c" \
            "$here/cases.c" "$archive" -nostdlib -Wl,--no-entry,--export=run_cases,--gc-sections \
            -o "$program" ;;
    aarch64)
        library cargo-targets
        "$ARM64_CC" $flags -static "$here/host.c" "$here/cases.c" "$archive" -o "$program" ;;
    esac
}

execute() {
    program=$out/$1.elf
    case $1 in
    cortex-m4f)
        set -- "$QEMU_ARM" -M mps2-an386 -nographic -semihosting-config enable=on,target=native \
            -kernel "$program" ;;
    cortex-m0)
        # The core and the addresses of an nRF51, which has 16 KiB of memory and 256 of flash.
        set -- "$QEMU_ARM" -M microbit -global nrf51-soc.sram-size=0x40000 \
            -global nrf51-soc.flash-size=0x400000 -nographic \
            -semihosting-config enable=on,target=native -kernel "$program" ;;
    riscv32)
        # Without the floating-point registers that this machine's processor has by default.
        set -- "$QEMU_RISCV" -M virt -cpu rv32,f=false,d=false -bios none -nographic \
            -serial stdio -monitor none -kernel "$program" ;;
    wasm | wasm-simd128) set -- "$NODE" "$examples/node/cases.js" "$program" ;;
    aarch64) set -- "$QEMU_ARM64" "$program" ;;
    esac
    timeout 1800 "$@" 2>&1 </dev/null
}

chosen=$*
test "$chosen" != all || chosen=$all
mkdir -p "$out"
ran=
for target in $chosen; do
    describe "$target"
    if ! has_tools "$target"; then
        # What was asked for by name has to run; on a machine that is set up, everything.
        test "$*" = all && test "${CI:-}" != true || exit 1
        continue
    fi
    rm -f "$out/$target.status"
    build "$target"
    # While the next one is compiled.
    (execute "$target" >"$out/$target.txt" && echo 0 >"$out/$target.status" ||
        echo 1 >"$out/$target.status") &
    echo "$what" >"$out/$target.what"
    ran="$ran $target"
done
wait
"$CC" $flags "$here/host.c" "$here/cases.c" "$STATIC" -o "$out/host"
for target in $ran; do
    if test "$(cat "$out/$target.status")" -ne 0; then
        cat "$out/$target.txt"
        echo "same bits: $target failed" >&2
        exit 1
    fi
done
test "$*" = all || cat $(for target in $ran; do echo "$out/$target.txt"; done)
sh "$here/compare.sh" "$out" $ran
