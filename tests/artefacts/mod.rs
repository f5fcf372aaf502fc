//! The C library as its users build it, and the tools that look at it.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock};

/// The microcontroller: a Cortex-M4F.
pub const THUMB: &str = "thumbv7em-none-eabihf";
/// Flags of its C compiler.
pub const THUMB_FLAGS: [&str; 5] =
    ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-ffreestanding"];
pub const C_FLAGS: [&str; 6] =
    ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-ffp-contract=off"];

pub const MINIMAL: &[&str] = &["--no-default-features", "--features", "capi"];
pub const DEFAULT: &[&str] = &["--features", "capi"];
pub const FULL: &[&str] = &["--all-features"];

/// A folder of this test binary's own.
pub fn scratch() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME"));
    fs::create_dir_all(&folder).unwrap();
    folder
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Prints a line, once, past the harness, which would swallow it.
pub fn note(line: &str) {
    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let mut said = SAID.lock().unwrap();
    if !said.iter().any(|other| other == line) {
        std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
        said.push(line.into());
    }
}

/// Says that a check is left out. Under CI that is a failure.
pub fn not_run(what: &str) {
    note(&format!("NOT RUN: {what}"));
    let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!in_ci, "NOT RUN: {what}");
}

/// The first of these commands that there is.
pub fn tool(names: &[&'static str]) -> Option<&'static str> {
    let runs = |name: &&&str| Command::new(name).arg("--version").output().is_ok();
    let found = names.iter().find(runs).copied();
    if found.is_none() {
        not_run(&format!("{}: no such command", names.join(", ")));
    }
    found
}

/// Whether the compiler has the microcontroller's `core`.
pub fn has_thumb() -> bool {
    has_target(THUMB)
}

/// Whether the compiler has a target's `core`.
pub fn has_target(target: &str) -> bool {
    let rustc = Path::new(env!("CARGO")).with_file_name("rustc");
    let mut rustc = Command::new(rustc);
    let libdir = run(rustc.args(["--print", "target-libdir", "--target", target])).unwrap();
    let found = Path::new(libdir.trim()).is_dir();
    if !found {
        not_run(&format!("{target}: rustup target add {target}"));
    }
    found
}

/// Version of the compiler that builds the library.
pub fn rustc_version() -> String {
    let rustc = Path::new(env!("CARGO")).with_file_name("rustc");
    run(Command::new(rustc).arg("--version")).unwrap().trim().into()
}

/// Standard output, or standard error if the command fails.
pub fn run(command: &mut Command) -> Result<String, String> {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if status.success() { Ok(text(stdout)) } else { Err(text(stderr)) }
}

/// A way to build the library.
#[derive(Clone, Copy)]
pub struct Build {
    /// Of the files that come out.
    pub name: &'static str,
    pub features: &'static [&'static str],
    pub target: Option<&'static str>,
    pub opt_level: &'static str,
}

impl Build {
    /// cargo, without what the environment of this test would change about the library.
    pub fn cargo(&self, verb: &str) -> Command {
        self.cargo_in(&self.target_dir(), verb)
    }

    /// The same with a target directory of its own.
    pub fn cargo_in(&self, target_dir: &Path, verb: &str) -> Command {
        let mut cargo = Command::new(env!("CARGO"));
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"] {
            cargo.env_remove(name);
        }
        cargo.env_remove("CARGO_BUILD_TARGET").env_remove("CARGO_TARGET_DIR");
        cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", self.opt_level);
        cargo.current_dir(root()).args([verb, "--quiet", "--locked", "--lib", "--target-dir"]);
        cargo.arg(target_dir).args(self.features);
        if let Some(target) = self.target {
            cargo.args(["--target", target]);
        }
        cargo
    }

    /// One for each test binary and target, so that two builds may run at once.
    fn target_dir(&self) -> PathBuf {
        scratch().join(self.target.unwrap_or("host"))
    }

    /// Where cargo puts what it makes.
    pub fn output(&self, profile: &str) -> PathBuf {
        self.target_dir().join(self.target.unwrap_or("")).join(profile)
    }

    /// Builds `librobust_ot.<extension>` as its users do and gives a copy that later builds leave
    /// alone; the linker's complaint if that fails.
    pub fn library(&self, kind: &str, extension: &str, flags: &[&str]) -> Result<PathBuf, String> {
        // The next build in the same folder must not come before the copy is made.
        static FOLDERS: [Mutex<()>; 2] = [const { Mutex::new(()) }; 2];
        let _guard = FOLDERS[usize::from(self.target.is_some())].lock();
        let mut cargo = self.cargo("rustc");
        cargo.args(["--release", "--crate-type", kind, "--", "--cfg", "rot_freestanding"]);
        if flags.iter().any(|flag| flag.starts_with("-Z")) {
            cargo.env("RUSTC_BOOTSTRAP", "1");
        }
        run(cargo.args(flags))?;
        let copy = self.target_dir().join(self.name).with_extension(extension);
        fs::copy(self.output("release").join(format!("librobust_ot.{extension}")), &copy).unwrap();
        Ok(copy)
    }

    pub fn staticlib(&self) -> PathBuf {
        self.library("staticlib", "a", &[]).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }
}

/// Our own object in an archive: link-time optimisation leaves one, the others belong to the
/// compiler's runtime.
pub fn own_object(archive: &Path) -> Option<PathBuf> {
    let ar = tool(&["ar", "llvm-ar"])?;
    let members = run(Command::new(ar).arg("t").arg(archive)).unwrap();
    let own: Vec<&str> = members.lines().filter(|name| name.starts_with("robust_ot-")).collect();
    assert_eq!(own.len(), 1, "{}: {own:?}", archive.display());
    let output = Command::new(ar).arg("p").arg(archive).arg(own[0]).output().unwrap();
    let path = archive.with_extension("o");
    fs::write(&path, output.stdout).unwrap();
    Some(path)
}

/// The instructions of every function of an object, by name, and `target TYPE NAME` for an address that
/// the linker fills in. By the first of these tools that there is.
pub fn disassembly(object: &Path, tools: &[&'static str]) -> Option<BTreeMap<String, Vec<String>>> {
    let mut command = Command::new(tool(tools)?);
    command.args(["-d", "-r", "--no-show-raw-insn"]).arg(object);
    let output = run(&mut command).unwrap();
    let mut functions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut name = String::new();
    for line in output.lines() {
        if let Some((_, label)) = line.strip_suffix(">:").and_then(|head| head.split_once(" <")) {
            name = label.into();
            continue;
        }
        let Some((address, rest)) = line.split_once(':') else { continue };
        let address = address.trim();
        if address.is_empty() || !address.bytes().all(|c| c.is_ascii_hexdigit()) {
            continue;
        }
        let rest = rest.trim();
        let is_target = rest.starts_with("R_");
        let line = if is_target { format!("target {rest}") } else { rest.into() };
        functions.entry(name.clone()).or_default().push(line);
    }
    Some(functions)
}

/// The functions that the header declares.
pub fn header_functions() -> Vec<String> {
    let header = fs::read_to_string(root().join("include/robust_ot.h")).unwrap();
    // Without comments, and without directives that may go over several lines.
    let without_comments = header.split("/*").map(|part| match part.split_once("*/") {
        Some((_, code)) => code,
        None => part,
    });
    let mut code = String::new();
    let mut directive = false;
    for line in without_comments.collect::<String>().lines() {
        directive |= line.trim_start().starts_with('#');
        if !directive {
            code += line;
            code.push('\n');
        }
        directive &= line.trim_end().ends_with('\\');
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut names: Vec<String> = code
        .split('(')
        .filter_map(|before| before.rsplit(|c| !is_name(c)).next())
        .filter(|name| name.starts_with("rot_"))
        .map(String::from)
        .collect();
    names.sort();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "declared twice: {names:?}");
    assert!(names.len() >= 20, "the header was not understood: {names:?}");
    names
}

/// A C file that keeps every function of the header.
pub fn everything_c() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(write_everything_c)
}

fn write_everything_c() -> PathBuf {
    let functions = header_functions();
    let entries: Vec<String> = functions.iter().map(|f| format!("    (function){f},\n")).collect();
    let text = format!(
        "#include <robust_ot.h>\n\
         typedef void (*function)(void);\n\
         extern const function functions[];\n\
         extern volatile unsigned which;\n\
         volatile unsigned which;\n\
         const function functions[] = {{\n{}}};\n\
         int main(void)\n{{\n    functions[which]();\n    return 0;\n}}\n",
        entries.concat()
    );
    let path = scratch().join("everything.c");
    fs::write(&path, text).unwrap();
    path
}
