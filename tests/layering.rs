//! The modules under `src/` form layers, and a module names only modules of
//! the layers below its own. This test reads the sources and fails on every
//! reference that goes up.
//!
//! The reading is lexical: [`lex`] drops comments and literals, [`scan`] follows
//! every path that starts with `crate`, `self` or `super`. That is enough,
//! because in this edition no other path reaches a sibling module without an
//! import that has been seen. What a macro defined elsewhere expands to is not
//! seen.

#![allow(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure in a test's own helpers is a failed test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first. Modules of one layer may use each other as long as
/// that makes no cycle. `panic` names nothing and so is the lowest; the crate
/// root (`lib.rs`) names everything and so is above the last.
const ORDER: &[&[&str]] = &[
    &["panic"],
    &["real"],
    &["math"],
    &["view", "work", "error"],
    &["kernel"],
    &["cost"],
    &["marginal"],
    &["problem", "options", "report"],
    &["plan"],
    &["sinkhorn", "implicit"],
    &["anneal", "barycenter"],
    &["matching", "accuracy"],
    &["capacity"],
    &["ffi"],
];

/// The name under which the crate root appears in violations.
const ROOT: &str = "lib";

fn rank(module: &str) -> Option<usize> {
    if module == ROOT {
        return Some(ORDER.len());
    }
    ORDER.iter().position(|layer| layer.contains(&module))
}

// ----- From text to tokens -----

/// A word, `::` or a single other character, with its line.
struct Token {
    text: String,
    line: usize,
}

/// The text of token `i`; empty past the end.
fn text(tokens: &[Token], i: usize) -> &str {
    tokens.get(i).map_or("", |token| &token.text)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The tokens of a source text, without white space, comments and string
/// and character literals.
fn lex(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let (mut tokens, mut line, mut i) = (Vec::new(), 1, 0);
    while i < chars.len() {
        let (len, keep) = lexeme(&chars[i..]);
        let piece = &chars[i..chars.len().min(i + len)];
        if keep {
            let text = piece.iter().collect();
            tokens.push(Token { text, line });
        }
        line += piece.iter().filter(|&&c| c == '\n').count();
        i += len;
    }
    tokens
}

/// The length of the lexeme at the start of `c`, and whether it is a token. The
/// length may pass the end if the text ends too early.
fn lexeme(c: &[char]) -> (usize, bool) {
    let at = |i: usize| c.get(i).copied().unwrap_or('\0');
    let word = c.iter().take_while(|&&x| is_word(x)).count();
    match (at(0), at(1)) {
        ('/', '/') => (c.iter().take_while(|&&x| x != '\n').count(), false),
        ('/', '*') => (block_comment(c), false),
        ('"', _) => (quoted(c, '"'), false),
        // A character literal is an escape or has its end at once. Any other
        // `'` starts a lifetime, whose name does no harm as a word.
        ('\'', '\\') => (quoted(c, '\''), false),
        ('\'', _) if at(2) == '\'' => (3, false),
        ('\'', _) => (1, false),
        (':', ':') => (2, true),
        (x, _) if x.is_whitespace() => (1, false),
        _ if word > 0 => {
            let prefix: String = c[..word].iter().collect();
            let hashes = c[word..].iter().take_while(|&&x| x == '#').count();
            let raw = matches!(prefix.as_str(), "r" | "br" | "cr");
            if raw && at(word + hashes) == '"' {
                (raw_string(c, word + hashes + 1, hashes), false)
            } else {
                (word, true)
            }
        }
        _ => (1, true),
    }
}

/// The length of a block comment, which may hold others.
fn block_comment(c: &[char]) -> usize {
    let (mut depth, mut i) = (0, 0);
    while i < c.len() {
        match c[i..] {
            ['/', '*', ..] => (depth, i) = (depth + 1, i + 2),
            ['*', '/', ..] => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

/// The length of a literal between `quote`s with backslash escapes.
fn quoted(c: &[char], quote: char) -> usize {
    let mut i = 1;
    while i < c.len() && c[i] != quote {
        i += if c[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// The length of a raw string whose text starts at `start`.
fn raw_string(c: &[char], start: usize, hashes: usize) -> usize {
    let mut i = start;
    while i < c.len() {
        let after = c[i + 1..].iter().take_while(|&&x| x == '#').count();
        if c[i] == '"' && after >= hashes {
            break;
        }
        i += 1;
    }
    i + 1 + hashes
}

// ----- From tokens to references -----

/// One source file as part of the crate.
struct Source {
    /// Where it is, for messages: relative to the package, with `/`.
    file: String,
    /// Its module path: `kernel/sweep.rs` is `["kernel", "sweep"]`.
    module: Vec<String>,
    tokens: Vec<Token>,
}

/// What a source file says about modules; places are `file:line`.
#[derive(Default)]
struct Scan {
    /// Top-level modules that have code here, each with a place.
    modules: BTreeMap<String, String>,
    /// Place, from-module, to-module.
    references: Vec<(String, String, String)>,
    /// Module paths whose files are compiled for tests only.
    test_files: Vec<Vec<String>>,
}

/// The index after the bracket that closes the one at `open`.
fn close(tokens: &[Token], open: usize) -> usize {
    let (mut depth, mut i) = (0, open);
    while i < tokens.len() {
        match text(tokens, i) {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        i += 1;
        if depth == 0 {
            break;
        }
    }
    i
}

/// If `#[cfg(test)]` is at `i` and belongs to a module: the index of its `mod`.
fn test_module(tokens: &[Token], i: usize) -> Option<usize> {
    let is_attribute = |i| text(tokens, i) == "#" && text(tokens, i + 1) == "[";
    if !is_attribute(i) {
        return None;
    }
    let mut end = close(tokens, i + 1);
    let words: String = tokens[i + 2..end].iter().map(|t| &*t.text).collect();
    if !words.starts_with("cfg(test)") && !words.starts_with("cfg(all(test,") {
        return None;
    }
    while is_attribute(end) {
        end = close(tokens, end + 1);
    }
    if text(tokens, end) == "pub" {
        end += 1;
        if text(tokens, end) == "(" {
            end = close(tokens, end);
        }
    }
    (text(tokens, end) == "mod").then_some(end)
}

/// Adds to `leaves` every full path of the path or use tree at `i`, each with
/// `prefix` in front. Returns the index after the tree.
fn tree<'a>(
    tokens: &'a [Token],
    mut i: usize,
    mut prefix: Vec<&'a Token>,
    leaves: &mut Vec<Vec<&'a Token>>,
) -> usize {
    while let Some(token) = tokens.get(i) {
        if token.text == "{" {
            i += 1;
            while i < tokens.len() && text(tokens, i) != "}" {
                i = tree(tokens, i, prefix.clone(), leaves);
                // What is left of the item: `*`, `as name` and the comma.
                while i < tokens.len() && !matches!(text(tokens, i), "," | "}") {
                    i += 1;
                }
                i += usize::from(text(tokens, i) == ",");
            }
            return i + 1;
        }
        if !token.text.starts_with(is_word) {
            break; // `*`, or `<` of a generic argument
        }
        prefix.push(token);
        i += 1;
        if text(tokens, i) != "::" {
            break;
        }
        i += 1;
    }
    leaves.push(prefix);
    i
}

/// The top-level module that `path` leads to from within `module`, and its line.
fn target(module: &[String], path: &[&Token]) -> (String, usize) {
    let mut at: Vec<(&str, usize)> = module.iter().map(|m| (m.as_str(), 0)).collect();
    for token in path {
        match token.text.as_str() {
            "crate" => at.clear(),
            "self" => {}
            "super" => drop(at.pop()),
            name => at.push((name, token.line)),
        }
    }
    let (name, line) = at.first().copied().unwrap_or((ROOT, path[0].line));
    (name.to_owned(), line)
}

/// Finds the references of one file to modules, and its inline modules.
fn scan(source: &Source) -> Scan {
    let Source { file, tokens, .. } = source;
    let mut found = Scan::default();
    let mut module = source.module.clone();
    // The brace depth, and the depths at which the open inline modules began.
    let (mut depth, mut opened) = (0, Vec::new());
    if let Some(top) = module.first() {
        found.modules.insert(top.clone(), format!("{file}:1"));
    }
    let mut i = 0;
    while i < tokens.len() {
        if let Some(start) = test_module(tokens, i) {
            i = start + 2;
            if text(tokens, i) == "{" {
                i = close(tokens, i);
            } else {
                let name = text(tokens, start + 1).to_owned();
                found.test_files.push([&module[..], &[name]].concat());
            }
            continue;
        }
        let next = text(tokens, i + 1);
        match text(tokens, i) {
            "mod" if text(tokens, i + 2) == "{" => {
                opened.push(depth);
                module.push(next.to_owned());
                let place = format!("{file}:{}", tokens[i].line);
                found.modules.entry(module[0].clone()).or_insert(place);
                i += 1; // the brace is counted in its turn
            }
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if opened.last() == Some(&depth) {
                    opened.pop();
                    module.pop();
                }
            }
            // A path starts here; `use crate as name` takes the whole root.
            "crate" | "self" | "super" if next == "::" || is_root_alias(tokens, i) => {
                let mut leaves = Vec::new();
                i = tree(tokens, i, Vec::new(), &mut leaves);
                let from = module.first().map_or(ROOT, String::as_str);
                for leaf in leaves {
                    let (to, line) = target(&module, &leaf);
                    let reference = (format!("{file}:{line}"), from.to_owned(), to);
                    if reference.1 != reference.2 && !found.references.contains(&reference) {
                        found.references.push(reference);
                    }
                }
                continue;
            }
            _ => {}
        }
        i += 1;
    }
    found
}

/// Whether `crate as` is at `i`.
fn is_root_alias(tokens: &[Token], i: usize) -> bool {
    text(tokens, i) == "crate" && text(tokens, i + 1) == "as"
}

// ----- From references to violations -----

/// Reads every `.rs` file in `folder` and below, in the order of the names.
fn read(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a readable folder entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read(root, &path, sources);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let content =
                fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let inside = path.strip_prefix(root).expect("a path below the root");
            let mut module: Vec<String> = inside
                .with_extension("")
                .iter()
                .map(|part| part.to_string_lossy().into_owned())
                .collect();
            if module.last().is_some_and(|name| name == "mod") || module == [ROOT] {
                module.pop();
            }
            let package = Path::new(env!("CARGO_MANIFEST_DIR"));
            let file = path.strip_prefix(package).unwrap_or(&path);
            sources.push(Source {
                file: file.to_string_lossy().replace('\\', "/"),
                module,
                tokens: lex(&content),
            });
        }
    }
}

/// The scans of all files below `root` that are not compiled for tests only.
fn scans(root: &Path) -> Vec<Scan> {
    let mut sources = Vec::new();
    read(root, root, &mut sources);
    let scans: Vec<Scan> = sources.iter().map(scan).collect();
    let tests: Vec<Vec<String>> = scans.iter().flat_map(|s| s.test_files.clone()).collect();
    let is_test = |source: &Source| tests.iter().any(|t| source.module.starts_with(t));
    sources.iter().zip(scans).filter(|(source, _)| !is_test(source)).map(|(_, scan)| scan).collect()
}

/// Whether the `edges` lead from module `a` to module `b`.
fn leads(edges: &BTreeSet<(String, String)>, a: &str, b: &str) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![a]);
    while let Some(node) = open.pop() {
        if node == b {
            return true;
        }
        if seen.insert(node) {
            open.extend(edges.iter().filter(|e| e.0 == node).map(|e| e.1.as_str()));
        }
    }
    false
}

/// Every breach of [`ORDER`] below `root`, as `file:line: from -> to: reason`.
fn violations(root: &Path) -> Vec<String> {
    let scans = scans(root);
    let mut found = Vec::new();
    let mut unknown = BTreeSet::new();
    for (module, place) in scans.iter().flat_map(|s| &s.modules) {
        if rank(module).is_none() && unknown.insert(module) {
            found.push(format!(
                "{place}: unknown module `{module}`: add it to ORDER in tests/layering.rs"
            ));
        }
    }
    let references = || scans.iter().flat_map(|s| &s.references);
    // Edges within one layer; an edge lies on a cycle if its end leads back.
    let sideways: BTreeSet<(String, String)> = references()
        .filter(|(_, from, to)| rank(from).is_some() && rank(from) == rank(to))
        .map(|(_, from, to)| (from.clone(), to.clone()))
        .collect();
    for (place, from, to) in references() {
        let reason = match (rank(from), rank(to)) {
            (Some(below), Some(above)) if below < above => "the order goes the other way",
            (Some(a), Some(b)) if a == b && leads(&sideways, to, from) => {
                "part of a cycle within one layer"
            }
            (Some(_), None) if from != ROOT => {
                "not a module of the order; write the path through the module that defines it"
            }
            _ => continue,
        };
        found.push(format!("{place}: {from} -> {to}: {reason}"));
    }
    found
}

// ----- Tests -----

#[test]
fn the_source_tree_keeps_the_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let found = violations(&root);
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
    // The test must not pass because it saw nothing.
    let scans = scans(&root);
    let modules: BTreeSet<&String> = scans.iter().flat_map(|s| s.modules.keys()).collect();
    assert!(modules.len() >= 5, "only these modules: {modules:?}");
    assert!(scans.iter().any(|s| !s.references.is_empty()));
}

/// Each folder in `tests/fixtures/layering` breaks the order in one way, at
/// exactly these places.
const BROKEN: &[(&str, &[&str])] = &[
    ("use_upward", &["kernel.rs:1: kernel -> plan:"]),
    ("nested_braces", &["cost.rs:5: cost -> marginal:", "cost.rs:7: cost -> barycenter:"]),
    (
        "super_upward",
        &[
            "kernel/mod.rs:3: kernel -> plan:",
            "kernel/sweep.rs:1: kernel -> sinkhorn:",
            "kernel/sweep.rs:6: kernel -> plan:",
            "kernel/sweep.rs:19: kernel -> plan:",
            "kernel/sweep.rs:20: kernel -> plan:",
        ],
    ),
    ("pub_use_upward", &["math.rs:1: math -> view:", "math.rs:2: math -> work:"]),
    (
        "inline_path",
        &[
            "problem.rs:2: problem -> plan:",
            "problem.rs:6: problem -> sinkhorn:",
            "problem.rs:12: problem -> capacity:",
        ],
    ),
    (
        "sideways_cycle",
        &["error.rs:1: error -> view:", "view.rs:1: view -> work:", "work.rs:1: work -> error:"],
    ),
    ("unknown_module", &["extra.rs:1: unknown module `extra`: add it to ORDER"]),
    ("through_the_root", &["kernel.rs:1: kernel -> lib:", "kernel.rs:2: kernel -> Plan:"]),
    ("panic_names_nothing", &["panic.rs:1: panic -> real:"]),
    // The reader must be in step again after literals and test modules.
    (
        "after_literals",
        &[
            "real.rs:3: real -> ffi:",
            "real.rs:5: real -> ffi:",
            "real.rs:7: real -> ffi:",
            "real.rs:13: real -> ffi:",
            "real.rs:16: real -> ffi:",
            "real.rs:18: real -> ffi:",
            "real.rs:20: real -> ffi:",
            "real.rs:27: real -> ffi:",
            "real.rs:37: real -> math:",
        ],
    ),
];

#[test]
fn each_broken_fixture_is_reported() {
    let folder = "tests/fixtures/layering";
    for (case, expected) in BROKEN {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(case);
        let found = violations(&root);
        let agree = found.len() == expected.len()
            && (found.iter().zip(*expected))
                .all(|(f, e)| f.starts_with(&format!("{folder}/{case}/{e}")));
        assert!(agree, "{case}: expected {expected:#?}, found {found:#?}");
    }
}

#[test]
fn a_good_fixture_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/layering/good");
    let found = violations(&root);
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
    assert!(scans(&root).iter().any(|s| !s.references.is_empty()));
}
