//! What the C library is made of: nothing but itself. The linked archive and shared library show
//! that they never allocate, panic, call the C library or keep state, that they export the header
//! and nothing else, and that the hot loops are packed instructions.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod artefacts;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;

use artefacts::{
    Build, C_FLAGS, DEFAULT, FULL, MINIMAL, THUMB, THUMB_FLAGS, disassembly, everything_c,
    has_thumb, header_functions, not_run, own_object, root, run, tool,
};

/// Undefined, as it is the point of it, in a library that may panic.
const PANIC_PATH: &str = "rot_panic_path_survived";

/// What compilers call by themselves, whatever the language, on every target.
const MEMORY: [&str; 5] = ["memcpy", "memmove", "memset", "memcmp", "bcmp"];

struct Archive {
    build: Build,
    path: PathBuf,
    /// Our own object in it; None without the tool that takes it out.
    object: Option<PathBuf>,
}

impl Archive {
    fn on_thumb(&self) -> bool {
        self.build.target.is_some()
    }

    /// Whether a symbol may be left to the program that links the library.
    fn may_need(&self, symbol: &str) -> bool {
        let arm = symbol.strip_prefix("__aeabi_");
        MEMORY.contains(&symbol)
            || self.on_thumb() && arm.is_some_and(|rest| !rest.starts_with("unwind"))
    }
}

/// Whether this machine is one that the checks on its own library know.
fn host_is_known() -> bool {
    let known = cfg!(all(target_arch = "x86_64", target_os = "linux"));
    if !known {
        not_run("checks of the host's library: written for x86-64 Linux");
    }
    known
}

/// Every archive, built once for all tests.
fn archives() -> &'static [Archive] {
    static ARCHIVES: OnceLock<Vec<Archive>> = OnceLock::new();
    ARCHIVES.get_or_init(|| {
        let targets = [host_is_known().then_some(None), has_thumb().then_some(Some(THUMB))];
        // A build keeps one processor busy.
        thread::scope(|scope| {
            let archives = |target: Option<_>| target.map_or_else(Vec::new, archives_of);
            let threads = targets.map(|target| scope.spawn(move || archives(target)));
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        })
    })
}

fn archives_of(target: Option<&'static str>) -> Vec<Archive> {
    let archive = |(name, features)| {
        let build = Build { name, features, target, opt_level: "3" };
        let path = build.staticlib();
        let object = own_object(&path);
        Archive { build, path, object }
    };
    [("minimal", MINIMAL), ("default", DEFAULT), ("full", FULL)].map(archive).into()
}

/// Undefined symbols of our object.
fn undefined(object: Option<&Path>) -> Option<Vec<String>> {
    let (nm, object) = (tool(&["llvm-nm", "nm"])?, object?);
    let output = run(Command::new(nm).arg("--undefined-only").arg(object)).unwrap();
    let last = |line: &str| line.split_whitespace().next_back().map(String::from);
    Some(output.lines().filter_map(last).collect())
}

#[test]
fn nothing_is_called_but_memory_functions_and_the_compilers_runtime() {
    for archive in archives() {
        let Some(found) = undefined(archive.object.as_deref()) else { return };
        assert!(!found.is_empty(), "{}: nothing at all", archive.path.display());
        for symbol in &found {
            assert!(archive.may_need(symbol), "{}: calls {symbol}", archive.path.display());
        }
    }
}

/// Links a program that keeps every function of the header.
fn link_everything(archive: &Path, on_thumb: bool) -> Option<Result<String, String>> {
    let compiler = tool(if on_thumb { &["arm-none-eabi-gcc"] } else { &["cc"] })?;
    let mut cc = Command::new(compiler);
    cc.args(C_FLAGS).arg("-I").arg(root().join("include")).arg(everything_c()).arg(archive);
    cc.arg("-o").arg(archive.with_extension("elf"));
    if on_thumb {
        // No start files and no C library: the archive has all that it needs.
        cc.args(THUMB_FLAGS).args(["-nostdlib", "-Wl,-e,main,-z,noexecstack"]);
    }
    Some(run(&mut cc))
}

/// Builds the shared library so that a symbol that exists nowhere is an error. The memory
/// functions come from the C library.
fn shared_library(build: Build, flags: &[&str]) -> Result<PathBuf, String> {
    let mut all = vec!["-Clink-arg=-Wl,-z,defs", "-Clink-arg=-lc"];
    all.extend(flags);
    build.library("cdylib", "so", &all)
}

fn shared_libraries() -> &'static [PathBuf] {
    static LIBRARIES: OnceLock<Vec<PathBuf>> = OnceLock::new();
    LIBRARIES.get_or_init(|| {
        if !host_is_known() {
            return Vec::new();
        }
        let sets = [("minimal", MINIMAL), ("default", DEFAULT)];
        sets.map(|(name, features)| {
            let build = Build { name, features, target: None, opt_level: "3" };
            shared_library(build, &[]).unwrap_or_else(|e| panic!("{name}: a panic path? {e}"))
        })
        .into()
    })
}

#[test]
fn nothing_panics() {
    for archive in archives() {
        if let Some(Err(error)) = link_everything(&archive.path, archive.on_thumb()) {
            panic!("{}: {error}", archive.path.display());
        }
    }
    shared_libraries();
}

/// The proof of the test above can fail.
#[test]
fn an_injected_panic_is_found() {
    if !host_is_known() {
        return;
    }
    let inject = ["--cfg", "rot_inject_panic"];
    let build = Build { name: "panic", features: MINIMAL, target: None, opt_level: "3" };
    let archive = build.library("staticlib", "a", &inject).unwrap();
    if let Some(found) = undefined(own_object(&archive).as_deref()) {
        assert!(found.iter().any(|symbol| symbol == PANIC_PATH), "{found:?}");
    }
    if let Some(linked) = link_everything(&archive, false) {
        assert!(linked.unwrap_err().contains(PANIC_PATH));
    }
    let linked = shared_library(build, &inject);
    assert!(linked.unwrap_err().contains(PANIC_PATH));
}

#[test]
fn the_shared_library_exports_the_header_and_nothing_else() {
    let Some(nm) = tool(&["nm"]) else { return };
    for library in shared_libraries() {
        let output = run(Command::new(nm).args(["-D", "--defined-only"]).arg(library)).unwrap();
        let mut exported: Vec<&str> =
            output.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
        exported.sort_unstable();
        assert_eq!(exported, header_functions(), "{}", library.display());
    }
}

#[test]
fn a_rust_dependency_exports_no_c_names() {
    let Some(nm) = tool(&["llvm-nm", "nm"]) else { return };
    let build = Build { name: "rlib", features: &[], target: None, opt_level: "0" };
    // Without link-time optimisation, whose objects only the compiler can read.
    run(build.cargo("build").arg("--release").env("CARGO_PROFILE_RELEASE_LTO", "off")).unwrap();
    let library = build.output("release").join("librobust_ot.rlib");
    let output = run(Command::new(nm).args(["-g", "--defined-only"]).arg(&library)).unwrap();
    let names: Vec<&str> =
        output.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    assert!(!names.is_empty(), "{}: no symbol was found", library.display());
    assert!(!names.iter().any(|name| name.starts_with("rot_")), "{names:?}");
}

#[test]
fn no_state_is_kept() {
    let Some(objdump) = tool(&["objdump", "llvm-objdump"]) else { return };
    for archive in archives() {
        let Some(object) = &archive.object else { return };
        let output = run(Command::new(objdump).arg("-h").arg(object)).unwrap();
        let lines: Vec<&str> = output.lines().collect();
        let mut sections = 0;
        for pair in lines.windows(2) {
            let words: Vec<&str> = pair[0].split_whitespace().collect();
            let [number, name, size, ..] = words[..] else { continue };
            if number.parse::<u32>().is_err() {
                continue;
            }
            sections += 1;
            let (size, flags) = (u64::from_str_radix(size, 16).unwrap(), pair[1]);
            let writable = flags.contains("ALLOC") && !flags.contains("READONLY");
            // Constants with addresses in them are written once, by the loader.
            let constant = name.starts_with(".data.rel.ro");
            // What the processor can do, found once: one byte for each set of features.
            let features =
                ["has_avx2", "has_avx512", "has_fma"].iter().any(|set| name.contains(set));
            let cpu_cache = !archive.on_thumb() && features && size == 1;
            assert!(
                size == 0 || !writable || constant || cpu_cache,
                "{}: {name} of {size} bytes can be written to",
                archive.path.display()
            );
        }
        assert!(sections > 10, "{}: no sections", archive.path.display());
    }
}

/// How many of the instructions are packed arithmetic (not moves or comparisons), in single
/// and in double precision.
fn packed(instructions: &[String], prefix: &str, register: &str) -> [usize; 2] {
    ["ps", "pd"].map(|suffix| {
        let names = ["mul", "add", "sub", "sqrt"].map(|name| format!("{prefix}{name}{suffix}"));
        let is_packed = |line: &&String| {
            let mnemonic = line.split_whitespace().next().unwrap_or("");
            names.iter().any(|name| name == mnemonic) && line.contains(register)
        };
        instructions.iter().filter(is_packed).count()
    })
}

#[test]
fn hot_loops_are_packed_instructions() {
    let Some(archive) = archives().iter().find(|a| !a.on_thumb() && a.build.name == "default")
    else {
        return;
    };
    let Some(object) = &archive.object else { return };
    let Some(functions) = disassembly(object, &["objdump", "llvm-objdump"]) else { return };
    let loops = [
        "exp_row",
        "max_row",
        "max_cols",
        "add_row",
        "add_four_rows",
        "dot_cost",
        "relaxed_marginal",
        "potential_from_sums",
        "add_squares",
    ];
    for name in loops {
        // The length before a name is part of the mangling; it tells add_row from add_four_rows.
        let name = format!("{}{name}", name.len());
        for (level, register) in [("4avx2", "%ymm"), ("6avx512", "%zmm")] {
            let found: Vec<_> =
                functions.iter().filter(|(f, _)| f.contains(&name) && f.contains(level)).collect();
            assert_eq!(found.len(), 2, "{name}: compiled for {level} in two precisions");
            let counts = found.iter().map(|(_, lines)| packed(lines, "v", register));
            let [single, double] = counts.fold([0; 2], |sum, c| {
                [sum[0] + usize::from(c[0] > 0), sum[1] + usize::from(c[1] > 0)]
            });
            assert_eq!([single, double], [1, 1], "{name}: {level}, packed in either precision");
            for (function, lines) in found {
                let calls = lines.iter().find(|line| line.starts_with("call"));
                assert_eq!(calls, None, "{function} calls");
                let slow = lines.iter().find(|l| l.contains("gather") || l.contains("scatter"));
                assert_eq!(slow, None, "{function} gathers or scatters");
            }
        }
    }

    // The tiles of a factorisation: sums in registers from the first row of the panel to the last.
    for (level, register) in [("avx2", "%ymm"), ("avx512", "%zmm")] {
        for (number, single) in [("f32", true), ("f64", false)] {
            let name = format!("{level}_{number}");
            let (function, lines) = functions.iter().find(|(f, _)| f.contains(&name)).unwrap();
            let [singles, doubles] = packed(lines, "v", register);
            let (own, other) = if single { (singles, doubles) } else { (doubles, singles) };
            assert!(own >= 16 && other == 0, "{function}: {own} of its own, {other} others");
            let slow = lines.iter().find(|l| l.contains("gather") || l.contains("scatter"));
            assert_eq!(slow, None, "{function} gathers or scatters");
            let is_spill = |line: &&String| line.contains("(%rsp)") && line.contains(register);
            assert_eq!(lines.iter().find(is_spill), None, "{function} spills");
        }
    }

    // What the target guarantees, SSE2: a function of its own, or part of what calls it.
    let portable = functions.iter().filter(|(f, _)| {
        !f.contains("4avx2")
            && !f.contains("6avx512")
            && (f.contains("exp_row") || f.contains("shifted_row"))
    });
    let [single, double] = portable.fold([0; 2], |sum, (function, lines)| {
        let foreign = lines.iter().find(|line| line.contains("exp2") || line.contains("libm"));
        assert_eq!(foreign, None, "{function} calls a scalar function");
        let counts = packed(lines, "", "%xmm");
        [sum[0] + counts[0], sum[1] + counts[1]]
    });
    assert!(single > 0 && double > 0, "packed SSE2: {single} single, {double} double");

    let mut fused_loops = 0;
    for (function, lines) in &functions {
        // One rounding instead of two would be other bits: nowhere but in the level that is asked for.
        let mut fused = lines.iter().filter(|l| l.starts_with("vfm") || l.starts_with("vfnm"));
        if function.contains("fused_avx") {
            fused_loops += usize::from(fused.next().is_some());
        } else {
            assert_eq!(fused.next(), None, "{function} has a fused multiply-add");
        }
        let scalar = ["exp2_f32", "exp2_f64", "4libm3exp", "4libm4exp2"];
        assert!(!scalar.iter().any(|name| function.contains(name)), "{function} was not inlined");
    }
    assert!(fused_loops >= 8, "{fused_loops} loops with fused multiply-adds");
}

#[test]
fn the_rust_library_builds_for_a_microcontroller() {
    if !has_thumb() {
        return;
    }
    for features in [&["--no-default-features"][..], &[]] {
        let build = Build { name: "rlib", features, target: Some(THUMB), opt_level: "3" };
        run(&mut build.cargo("build")).unwrap_or_else(|e| panic!("{features:?}: {e}"));
    }
}
