//! The hot loops on processors that the tests do not run on: packed instructions, no calls, nothing
//! fused. (`tests/symbols.rs` looks at x86-64; `make -C c-examples targets` runs the library elsewhere.)
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod artefacts;

use artefacts::{Build, DEFAULT, disassembly, has_target, own_object};

/// The sweeps in the log domain and over a kept kernel, and what is done once for each row.
const LOOPS: [&str; 14] = [
    "exp_row",
    "max_row",
    "max_cols",
    "add_row",
    "add_four_rows",
    "dot_cost",
    "relaxed_marginal",
    "potential_from_sums",
    "add_squares",
    "dots_in_lanes",
    "add_kept",
    "factors",
    "weighted_sum",
    "gradient_row",
];

/// How a processor's instructions are told apart.
struct Look {
    target: &'static str,
    flags: &'static [&'static str],
    /// Arithmetic (not moves or comparisons): whether it is packed, and whether single.
    arithmetic: fn(&str) -> Option<(bool, bool)>,
    /// A product and a sum with one rounding.
    is_fused: fn(&str) -> bool,
}

fn mnemonic(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or("")
}

/// `fmul v0.2d, v1.2d, v2.2d` and `fmul s0, s1, s2`.
fn on_neon(line: &str) -> Option<(bool, bool)> {
    if !["fmul", "fadd", "fsub", "fdiv", "fsqrt"].contains(&mnemonic(line)) {
        return None;
    }
    let operand = line.split_whitespace().nth(1)?;
    let is_packed = operand.starts_with('v');
    let is_single = if is_packed { !operand.contains("2d") } else { operand.starts_with('s') };
    Some((is_packed, is_single))
}

/// `f64x2.mul` and `f64.mul`.
fn on_wasm(line: &str) -> Option<(bool, bool)> {
    let (shape, operation) = mnemonic(line).split_once('.')?;
    if !["mul", "add", "sub", "div", "sqrt"].contains(&operation) {
        return None;
    }
    match shape {
        "f32x4" => Some((true, true)),
        "f64x2" => Some((true, false)),
        "f32" => Some((false, true)),
        "f64" => Some((false, false)),
        _ => None,
    }
}

fn check(look: &Look) {
    if !has_target(look.target) {
        return;
    }
    let target = look.target;
    let build = Build { name: "packed", features: DEFAULT, target: Some(target), opt_level: "3" };
    let archive = build.library("staticlib", "a", look.flags).unwrap();
    let Some(object) = own_object(&archive) else { return };
    let Some(functions) = disassembly(&object, &["llvm-objdump"]) else { return };

    for name in LOOPS {
        // The length before a name and the hash behind it are part of the mangling.
        let mangled = format!("{}{name}17h", name.len());
        let found: Vec<_> = functions.iter().filter(|(f, _)| f.contains(&mangled)).collect();
        assert_eq!(found.len(), 2, "{target}: {name} in two precisions");
        let mut precisions = Vec::new();
        for (function, lines) in found {
            let count = |packed, single| {
                let is = |line: &&String| (look.arithmetic)(line) == Some((packed, single));
                lines.iter().filter(is).count()
            };
            let [singles, doubles] = [count(true, true), count(true, false)];
            assert!((singles == 0) != (doubles == 0), "{function}: {singles} and {doubles} packed");
            // What is left over of a row is done one by one, with the same operations and at times a
            // few more.
            let others = count(false, true) + count(false, false);
            assert!(4 * (singles + doubles) >= 3 * others, "{function}: {others} not packed");
            precisions.push(singles > 0);
            // (16 sums may be cleared or copied by a call.)
            let call = lines.iter().filter(|line| line.starts_with("target ")).find(|line| {
                ["CALL", "JUMP26", "FUNCTION"].iter().any(|kind| line.contains(kind))
                    && !["memcpy", "memset"].iter().any(|name| line.contains(name))
            });
            assert_eq!(call, None, "{function} calls");
        }
        precisions.sort_unstable();
        assert_eq!(precisions, [false, true], "{target}: {name}");
    }
    for (function, lines) in &functions {
        let fused = lines.iter().find(|line| (look.is_fused)(mnemonic(line)));
        assert_eq!(fused, None, "{function} has a fused multiply-add");
        let scalar = ["exp2_f32", "exp2_f64", "4libm3exp", "4libm4exp2"];
        assert!(!scalar.iter().any(|name| function.contains(name)), "{function} was not inlined");
    }
}

#[test]
fn hot_loops_are_packed_on_aarch64() {
    check(&Look {
        target: "aarch64-unknown-none",
        flags: &[],
        arithmetic: on_neon,
        is_fused: |name| ["fmla", "fmls", "fmadd", "fmsub", "fnmadd", "fnmsub"].contains(&name),
    });
}

#[test]
fn hot_loops_are_packed_in_webassembly() {
    check(&Look {
        target: "wasm32-unknown-unknown",
        flags: &["-Ctarget-feature=+simd128"],
        arithmetic: on_wasm,
        is_fused: |name| name.contains("relaxed"),
    });
}
