//! Flash and stack on a Cortex-M4F, measured and held against `budgets/thumbv7em.txt`: more than
//! 5 % above fails. `ROBUST_OT_WRITE_BUDGETS=1 cargo test --test budgets` writes the table.
//!
//! * flash: text, constants and initialised data of the smallest firmware that makes the call, less
//!   those of an empty one (which has memcpy and its like);
//! * stack: bytes below the call at its deepest, the most of all cases in `c-examples/same_bits`;
//! * frame: the largest stack frame of a single function, from the compiler.
//!
//! `rust ...` goes through the Rust interface, `budgets/rust`, all others through that of C.
//!
//! The same runs show that neither features nor opt-level change a bit.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod artefacts;
#[allow(unreachable_pub, reason = "a crate of its own on the microcontroller")]
#[path = "budgets/rust/src/lib.rs"]
mod firmware;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use artefacts::{
    Build, C_FLAGS, DEFAULT, MINIMAL, THUMB, THUMB_FLAGS, everything_c, has_thumb, note, root, run,
    rustc_version, scratch, tool,
};

/// A way to build the library, and what is called in it.
struct Configuration {
    build: Build,
    calls: &'static [&'static str],
    cases: &'static [&'static str],
}

/// Barycenters by exact and KL rules, dense and in single precision.
const BARYCENTER: &[&str] = &["--no-default-features", "--features", "capi,kl,barycenter"];

const CONFIGURATIONS: [Configuration; 4] = [
    Configuration {
        build: Build {
            name: "exact-dense-f32 z",
            features: MINIMAL,
            target: Some(THUMB),
            opt_level: "z",
        },
        calls: &["SOLVE_F32"],
        cases: &["-DCASES_SMALL", "-DCASES_TRIMMED"],
    },
    Configuration {
        build: Build {
            name: "barycenter-dense-f32 z",
            features: BARYCENTER,
            target: Some(THUMB),
            opt_level: "z",
        },
        calls: &["BARYCENTER_F32"],
        cases: &["-DCASES_TRIMMED"],
    },
    Configuration {
        build: Build { name: "default z", features: DEFAULT, target: Some(THUMB), opt_level: "z" },
        calls: &["SOLVE_F32", "SOLVE_F64", "EVERYTHING"],
        cases: &["-DCASES_SMALL"],
    },
    Configuration {
        build: Build { name: "default 3", features: DEFAULT, target: Some(THUMB), opt_level: "3" },
        calls: &["SOLVE_F32", "SOLVE_F64", "EVERYTHING"],
        cases: &["-DCASES_SMALL"],
    },
];

struct Tools {
    gcc: &'static str,
    size: &'static str,
    nm: &'static str,
    objcopy: &'static str,
    qemu: &'static str,
}

/// All of them, or a line for each one that is missing.
fn tools() -> Option<Tools> {
    let gcc = tool(&["arm-none-eabi-gcc"]);
    let qemu = tool(&["qemu-system-arm"]);
    let (gcc, qemu) = (gcc?, qemu?);
    let size = tool(&["arm-none-eabi-size"])?;
    let nm = tool(&["arm-none-eabi-nm"])?;
    let objcopy = tool(&["arm-none-eabi-objcopy"])?;
    Some(Tools { gcc, size, nm, objcopy, qemu })
}

/// Compiles and links a firmware.
fn link(tools: &Tools, name: &str, sources: &[&Path], flags: &[&str], library: &Path) -> PathBuf {
    let [firmware, cases] =
        ["cortex_m", "same_bits"].map(|name| root().join("c-examples").join(name));
    let output = scratch().join(name).with_extension("elf");
    let mut gcc = Command::new(tools.gcc);
    gcc.args(C_FLAGS).args(THUMB_FLAGS).args(flags).arg("-Os");
    // A copy loop must not become a call of the copy function that it is in.
    gcc.arg("-fno-tree-loop-distribute-patterns");
    gcc.arg("-I").arg(root().join("include")).arg("-I").arg(cases);
    gcc.arg(firmware.join("startup.c")).args(sources).arg(library);
    gcc.args(["-nostdlib", "-Wl,--gc-sections,-z,noexecstack", "-T"]);
    gcc.arg(firmware.join("link.ld")).arg("-o").arg(&output);
    run(&mut gcc).unwrap_or_else(|e| panic!("{name}: {e}"));
    output
}

/// Bytes of flash: text, constants and the initial values of data.
fn flash(tools: &Tools, firmware: &Path) -> u64 {
    let table = run(Command::new(tools.size).arg(firmware)).unwrap();
    let row = table.lines().nth(1).unwrap();
    let numbers: Vec<u64> = row.split_whitespace().filter_map(|x| x.parse().ok()).collect();
    numbers[0] + numbers[1]
}

/// What a run of the cases printed.
fn output(tools: &Tools, firmware: &Path) -> String {
    let mut qemu = Command::new(tools.qemu);
    qemu.args(["-M", "mps2-an386", "-nographic", "-semihosting-config"]);
    qemu.args(["enable=on,target=native", "-kernel"]).arg(firmware);
    let output = qemu.stdin(Stdio::null()).output().unwrap();
    // Where semihosting goes depends on the version.
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success() && text.contains("failed 0"), "{text}");
    text
}

/// The most stack for each call and precision.
fn stack(text: &str) -> BTreeMap<String, u64> {
    let mut most = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("stack ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let precision = words[0].split('/').next().unwrap();
        for pair in words[1..].chunks(2) {
            let used: u64 = pair[1].parse().unwrap();
            let entry = most.entry(format!("{}_{precision}", pair[0])).or_insert(0);
            *entry = used.max(*entry);
        }
    }
    assert!(!most.is_empty(), "{text}");
    most
}

/// The lines of the cases by name, hash included.
fn cases(text: &str) -> impl Iterator<Item = (String, String)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("case "));
    lines.filter_map(|line| line.split_once(' ')).map(|(name, rest)| (name.into(), rest.into()))
}

/// The frames of our functions, the largest first. An entry of the section is an address and a
/// size, seven bits to a byte.
fn frames(tools: &Tools, firmware: &Path) -> Vec<(u64, String)> {
    let raw = firmware.with_extension("frames");
    let mut objcopy = Command::new(tools.objcopy);
    objcopy.args(["-O", "binary", "--only-section=.stack_sizes"]);
    objcopy.args(["--set-section-flags", ".stack_sizes=alloc"]).arg(firmware).arg(&raw);
    run(&mut objcopy).unwrap();
    let names: BTreeMap<u32, String> = run(Command::new(tools.nm).arg("-C").arg(firmware))
        .unwrap()
        .lines()
        .filter_map(|line| {
            let (address, rest) = line.split_once(' ')?;
            Some((u32::from_str_radix(address, 16).ok()? & !1, rest.split_once(' ')?.1.into()))
        })
        .collect();
    let bytes = fs::read(raw).unwrap();
    let mut rest = &bytes[..];
    let mut frames = Vec::new();
    while let Some((address, tail)) = rest.split_first_chunk::<4>() {
        let end = tail.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        let digits = tail[..end].iter().rev();
        let size = digits.fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
        let address = u32::from_le_bytes(*address) & !1;
        frames.push((size, names.get(&address).cloned().unwrap_or_default()));
        rest = &tail[end..];
    }
    assert!(frames.len() > 10, "{}: no frames", firmware.display());
    frames.sort_by_key(|frame| core::cmp::Reverse(frame.0));
    frames
}

/// What was found of all configurations.
#[derive(Default)]
struct Found {
    /// Every number, by name.
    numbers: Vec<(String, u64)>,
    /// Every case, by name.
    cases: BTreeMap<String, String>,
    /// The functions with the largest frames.
    frames: Vec<String>,
}

impl Found {
    /// Runs the cases of a build.
    fn run(&mut self, tools: &Tools, name: &str, firmware: &Path) {
        let text = output(tools, firmware);
        for (call, most) in stack(&text) {
            self.numbers.push((format!("stack {name} {call}"), most));
        }
        for (case, line) in cases(&text) {
            let first = self.cases.entry(case.clone()).or_insert_with(|| line.clone());
            assert_eq!(*first, line, "{name}, {case}: other bits than another build");
        }
    }
}

fn measure(tools: &Tools, configuration: &Configuration, found: &mut Found) {
    let Configuration { build, calls, cases: defines } = configuration;
    let name = build.name;
    // The flag is unstable, but only adds a section that is not loaded.
    let library = build.library("staticlib", "a", &["-Zemit-stack-sizes"]);
    let library = library.unwrap_or_else(|e| panic!("{name}: {e}"));
    let minimal = root().join("tests/budgets/minimal.c");
    let examples = root().join("c-examples");

    let empty = flash(tools, &link(tools, &format!("{name} empty"), &[&minimal], &[], &library));
    for call in *calls {
        let mut sources = vec![&*minimal];
        if *call == "EVERYTHING" {
            sources.push(everything_c());
        }
        let define = format!("-D{call}");
        let elf = link(tools, &format!("{name} {call}"), &sources, &[&define], &library);
        let call = call.to_lowercase();
        let frames = frames(tools, &elf);
        let above = frames.iter().filter(|frame| frame.0 > FRAME_AIM);
        let mut number =
            |what: &str, value| found.numbers.push((format!("{what} {name} {call}"), value));
        number("flash", flash(tools, &elf) - empty);
        number("frame", frames[0].0);
        for (size, function) in above {
            found.frames.push(format!("{name} {call}: {size} {function}"));
        }
    }
    let sources = [examples.join("cortex_m/firmware.c"), examples.join("same_bits/cases.c")];
    let sources = [&*sources[0], &*sources[1]];
    found.run(tools, name, &link(tools, &format!("{name} cases"), &sources, defines, &library));
}

/// The smallest solve through the Rust interface, whose result is the host's.
fn measure_rust(tools: &Tools, found: &mut Found) {
    let name = "rust exact-dense-f32 z";
    found.cases.insert("rust".into(), rust_on_host());
    let library = rust_library();
    let [minimal, call] = ["minimal.c", "rust.c"].map(|c| root().join("tests/budgets").join(c));
    let machine = root().join("c-examples/cortex_m/firmware.c");
    // (The smallest firmware with its main elsewhere.)
    let flags = ["-DEVERYTHING", "-DMINIMAL"];
    let empty = link(tools, &format!("{name} empty"), &[&minimal], &[], &library);
    let elf = link(tools, &format!("{name} solve"), &[&minimal, &call], &flags, &library);
    let mut number =
        |what: &str, value| found.numbers.push((format!("{what} {name} solve_f32"), value));
    number("flash", flash(tools, &elf) - flash(tools, &empty));
    number("frame", frames(tools, &elf)[0].0);
    let cases = [&*machine, &*call];
    found.run(tools, name, &link(tools, &format!("{name} cases"), &cases, &[], &library));
}

/// Built like those of [`Build::library`], at the opt-level of its own manifest.
fn rust_library() -> PathBuf {
    let folder = scratch().join("rust");
    let mut cargo = Build { features: &[], target: Some(THUMB), ..CONFIGURATIONS[0].build }
        .cargo_in(&folder, "rustc");
    cargo.arg("--manifest-path").arg(root().join("tests/budgets/rust/Cargo.toml"));
    cargo.args(["--release", "--", "-Zemit-stack-sizes"]).env("RUSTC_BOOTSTRAP", "1");
    run(&mut cargo).unwrap_or_else(|e| panic!("rust: {e}"));
    folder.join(THUMB).join("release/libbudget.a")
}

/// The potentials and the objective of the case in `budgets/rust.c`, after a look at the marginals.
fn rust_on_host() -> String {
    let mut board = firmware::Board {
        rows: 3,
        cols: 4,
        epsilon: 0.0625,
        max_iterations: 1000,
        objective: 0.0,
        argument: 0,
        row: 0,
        col: 0,
        cost: [0.0; firmware::MOST * firmware::MOST],
        a: [0.0; firmware::MOST],
        b: [0.0; firmware::MOST],
        f: [0.0; firmware::MOST],
        g: [0.0; firmware::MOST],
        work: [0.0; firmware::WORK_LEN],
    };
    board.cost[..12].copy_from_slice(&[0., 1., 2., 3., 1., 0., 1., 2., 2., 1., 0., 1.]);
    board.a[..3].copy_from_slice(&[0.5, 0.25, 0.25]);
    board.b[..4].copy_from_slice(&[0.125, 0.5, 0.125, 0.25]);
    assert_eq!(firmware::budget_solve(&mut board), 0, "converged");
    let entry = |i: usize, j: usize| {
        ((board.f[i] + board.g[j] - board.cost[i * 4 + j]) / board.epsilon).exp()
    };
    for i in 0..3 {
        let row: f32 = (0..4).map(|j| entry(i, j)).sum();
        assert!((row - board.a[i]).abs() < 1e-4, "row {i}: {row}");
    }
    for j in 0..4 {
        let col: f32 = (0..3).map(|i| entry(i, j)).sum();
        assert!((col - board.b[j]).abs() < 1e-4, "column {j}: {col}");
    }
    let values = board.f[..3].iter().chain(&board.g[..4]).chain([&board.objective]);
    values.map(|x| format!("{:08x}", x.to_bits())).collect::<Vec<_>>().join(" ")
}

/// What a frame should not exceed, in bytes.
const FRAME_AIM: u64 = 256;

/// Name and number of every line that is not a comment.
fn read_table(path: &Path) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(path).expect("tests/budgets/thumbv7em.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let (name, number) = line.trim().rsplit_once(' ').unwrap();
            (name.trim().into(), number.parse().unwrap())
        })
        .collect()
}

#[test]
fn flash_and_stack_stay_within_their_budgets() {
    let Some(tools) = tools() else { return };
    if !has_thumb() {
        return;
    }
    let mut found = Found::default();
    measure_rust(&tools, &mut found);
    for configuration in &CONFIGURATIONS {
        measure(&tools, configuration, &mut found);
    }
    let Found { numbers, frames, .. } = found;
    let path = root().join("tests/budgets/thumbv7em.txt");
    if std::env::var_os("ROBUST_OT_WRITE_BUDGETS").is_some() {
        let mut text = format!(
            "# Bytes on {THUMB}, written by `ROBUST_OT_WRITE_BUDGETS=1 cargo test --test budgets`.\n\
             # What is measured stands at the head of tests/budgets.rs; configurations are features\n\
             # and opt-level. Measured with {}.\n",
            rustc_version()
        );
        for (name, number) in &numbers {
            text += &format!("{name:<44} {number:>6}\n");
        }
        fs::write(&path, text).unwrap();
    }
    let table = read_table(&path);
    let mut too_much = Vec::new();
    for (name, number) in &numbers {
        let Some(&budget) = table.get(name) else {
            too_much.push(format!("{name}: {number}, not in the table"));
            continue;
        };
        if *number > budget + budget / 20 {
            too_much.push(format!("{name}: {number}, budget {budget}"));
        } else if *number < budget - budget / 20 {
            note(&format!(
                "{name}: {number}, budget {budget}: delete me if better (write the table again)"
            ));
        }
    }
    assert!(
        too_much.is_empty(),
        "{}: {too_much:#?}\nframes above {FRAME_AIM} bytes: {frames:#?}",
        rustc_version()
    );
    let names: Vec<_> = table.keys().filter(|k| !numbers.iter().any(|(n, _)| n == *k)).collect();
    assert!(names.is_empty(), "in the table, but not measured: {names:?}");
}
