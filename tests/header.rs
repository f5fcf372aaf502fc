//! `include/robust_ot.h` is made from the code: this test makes it again and compares.
//! `ROBUST_OT_WRITE_HEADER=1 cargo test --test header` writes it.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::std_instead_of_core,
    reason = "a test may fail loudly"
)]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::barycenter::rot_barycenter_work_len;
use robust_ot::implicit;
use robust_ot::report::Termination;
use robust_ot::work::{Coefficients, PAD};

/// The first page of the manual, before the declarations.
const PREFACE: &str = include_str!("fixtures/header/preface.h");

/// `NoPartner` as `NO_PARTNER`.
fn screaming(name: &str) -> String {
    let mut out = String::new();
    for (k, c) in name.chars().enumerate() {
        if c.is_uppercase() && k > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

/// Statuses with their numbers and texts, from the enumerations themselves.
fn statuses() -> String {
    let mut out = String::new();
    for ending in Termination::ALL {
        let name = match ending {
            Termination::Converged => "ROT_OK".into(),
            other => format!("ROT_{}", screaming(&format!("{other:?}"))),
        };
        writeln!(out, "/** {}. */\n#define {name} {}", ending.text(), ending as i32).unwrap();
    }
    for kind in ErrorKind::ALL {
        let name = screaming(&format!("{kind:?}"));
        let text = ErrorKind::text(kind);
        writeln!(out, "/** {text}. */\n#define ROT_ERR_{name} ({})", kind as i32).unwrap();
    }
    for argument in Argument::ALL {
        let name = screaming(&format!("{argument:?}"));
        writeln!(out, "#define ROT_ARG_{name} {}u", argument as u32).unwrap();
    }
    out
}

/// The macro twin of a work length.
fn work_macro(name: &str, c: Coefficients) -> String {
    format!(
        "#define ROT_{name}_WORK_LEN(n, m, d) \\\n    ((size_t){} * ROT_PADDED(n) + (size_t){} * ROT_PADDED(m) + (size_t){} * (size_t)(d) * ROT_PADDED(m) + {}u)\n",
        c.n,
        c.m,
        c.d,
        c.one * PAD
    )
}

/// That of barycenters, which has a list of its measures as well.
fn barycenter_work() -> String {
    let list = rot_barycenter_work_len(1, 0, 0, 0) - rot_barycenter_work_len(0, 0, 0, 0);
    let rows = work_macro("BARYCENTER_MEASURES", robust_ot::barycenter::COEFFICIENTS);
    let back = work_macro("BARYCENTER_BACKWARD", robust_ot::barycenter::gradient::COEFFICIENTS);
    format!(
        "{}/** Elements of work for rot_barycenter_*, to size static arrays; see rot_barycenter_work_len. */\n\
         #define ROT_BARYCENTER_WORK_LEN(k, rows, n, d) \\\n    ((size_t){list} * (size_t)(k) + ROT_BARYCENTER_MEASURES_WORK_LEN_(rows, n, d))\n\
         /** Elements of work for rot_accuracy_barycenter_*; see rot_accuracy_barycenter_work_len. */\n\
         #define ROT_ACCURACY_BARYCENTER_WORK_LEN(k, rows, n, d) ROT_BARYCENTER_WORK_LEN(k, rows, n, d)\n\
         {}/** Elements of work for rot_barycenter_vjp_*; see rot_barycenter_gradient_work_len. */\n\
         #define ROT_BARYCENTER_GRADIENT_WORK_LEN(k, rows, n, d) \\\n    ((size_t)(k) * ({list}u + ROT_PADDED(n)) + ROT_BARYCENTER_BACKWARD_WORK_LEN_(rows, n, d))\n",
        rows.replace("WORK_LEN(", "WORK_LEN_("),
        back.replace("WORK_LEN(", "WORK_LEN_("),
    )
}

fn macros() -> String {
    let mut out = String::new();
    let mask = PAD - 1;
    writeln!(
        out,
        "/** n rounded up to a multiple of {PAD}. */\n#define ROT_PADDED(n) (((size_t)(n) + {mask}u) / {PAD}u * {PAD}u)\n"
    )
    .unwrap();
    out += "/** Elements of work for rot_sinkhorn_*, to size static arrays; see rot_sinkhorn_work_len. */\n";
    out += &work_macro("SINKHORN", robust_ot::sinkhorn::COEFFICIENTS);
    let vectors = work_macro("SINKHORN_FAST_VECTORS", robust_ot::sinkhorn::FAST_COEFFICIENTS);
    write!(
        out,
        "\n{}/** Elements of work with which rot_sinkhorn_* keep the kernel; see rot_sinkhorn_fast_work_len. */\n\
         #define ROT_SINKHORN_FAST_WORK_LEN(n, m, d) \\\n    (ROT_PADDED(n) * ROT_PADDED(m) + ROT_SINKHORN_FAST_VECTORS_WORK_LEN_(n, m, d))\n",
        vectors.replace("WORK_LEN(", "WORK_LEN_(")
    )
    .unwrap();
    let (task, one) = (robust_ot::cost::TASK_COEFFICIENTS, "ROT_SINKHORN");
    assert_eq!((task.n, task.d, task.one), (0, 0, 0));
    for kind in ["", "_FAST"] {
        write!(
            out,
            "/** The same with room for `tasks` blocks of rows at a time; see rot_sinkhorn_parallel{}_work_len. */\n\
             #define {one}_PARALLEL{kind}_WORK_LEN(n, m, d, tasks) \\\n    ({one}{kind}_WORK_LEN(n, m, d) + (size_t)2 * ROT_PADDED(n) + (size_t){} * (size_t)(tasks) * ROT_PADDED(m))\n",
            kind.to_lowercase(),
            task.m
        )
        .unwrap();
    }
    out +=
        "\n/** Elements of work for rot_plan_*, to size static arrays; see rot_plan_work_len. */\n";
    out += &work_macro("PLAN", robust_ot::plan::COEFFICIENTS);
    out += "\n/** Elements of work for rot_gradient_* and conjugate gradients; see rot_gradient_work_len. */\n";
    out += &work_macro("GRADIENT_ITERATIVE", implicit::COEFFICIENTS);
    let (rows, columns) = (implicit::FACTOR_ROWS, implicit::FACTOR_COLUMNS);
    write!(
        out,
        "#define ROT_GRADIENT_DIRECT_WORK_LEN_(n, m, d) \\\n    (ROT_GRADIENT_ITERATIVE_WORK_LEN(n, m, d) + \\\n     ROT_PADDED((m) + {columns}u) * (ROT_PADDED((m) + {columns}u) + {rows}u))\n\
         /** Elements of work for rot_gradient_* and a factorisation; see rot_gradient_work_len. */\n\
         #define ROT_GRADIENT_DIRECT_WORK_LEN(n, m, d) \\\n    ((n) < (m) ? ROT_GRADIENT_DIRECT_WORK_LEN_(m, n, d) : ROT_GRADIENT_DIRECT_WORK_LEN_(n, m, d))\n"
    )
    .unwrap();
    for method in ["DIRECT", "ITERATIVE"] {
        write!(
            out,
            "/** Elements of work for rot_matching_step; see rot_matching_work_len. */\n\
             #define ROT_MATCHING_{method}_WORK_LEN(n, m, d) \\\n    (ROT_SINKHORN_WORK_LEN(n, m, d) > ROT_GRADIENT_{method}_WORK_LEN(n, m, d) \\\n         ? ROT_SINKHORN_WORK_LEN(n, m, d) : ROT_GRADIENT_{method}_WORK_LEN(n, m, d))\n"
        )
        .unwrap();
    }
    out += "\n/** Elements of work for rot_anneal_solve and sweeps alone; see rot_anneal_work_len. */\n\
            #define ROT_ANNEAL_NONE_WORK_LEN(n, m, d) ROT_SINKHORN_WORK_LEN(n, m, d)\n";
    let vectors = robust_ot::anneal::VECTORS;
    for method in ["DIRECT", "ITERATIVE"] {
        write!(
            out,
            "/** Elements of work for rot_anneal_solve; see rot_anneal_work_len. */\n\
             #define ROT_ANNEAL_{method}_WORK_LEN(n, m, d) \\\n    (ROT_SINKHORN_WORK_LEN(n, m, d) + (size_t){} * ROT_PADDED(n) + (size_t){} * ROT_PADDED(m) + \\\n     ROT_GRADIENT_{method}_WORK_LEN(n, m, d))\n",
            vectors.n, vectors.m
        )
        .unwrap();
    }
    for method in ["DIRECT", "ITERATIVE", "NONE"] {
        write!(
            out,
            "/** Elements of work with which rot_anneal_solve keeps the kernel; see rot_anneal_fast_work_len. */\n\
             #define ROT_ANNEAL_{method}_FAST_WORK_LEN(n, m, d) \\\n    (ROT_ANNEAL_{method}_WORK_LEN(n, m, d) - ROT_SINKHORN_WORK_LEN(n, m, d) + \\\n     ROT_SINKHORN_FAST_WORK_LEN(n, m, d))\n"
        )
        .unwrap();
    }
    out += &barycenter_work();
    out += include_str!("fixtures/header/lowrank_macros.h");
    out += include_str!("fixtures/header/macros.h");
    out += include_str!("fixtures/header/barycenter_macros.h");
    out
}

fn version() -> String {
    let part = |k: usize| env!("CARGO_PKG_VERSION").split('.').nth(k).unwrap();
    format!(
        "#define ROT_VERSION_MAJOR {}u\n#define ROT_VERSION_MINOR {}u\n#define ROT_VERSION_PATCH {}u\n\
         /** As rot_version() of a library of the same version. */\n\
         #define ROT_VERSION (ROT_VERSION_MAJOR * 1000000u + ROT_VERSION_MINOR * 1000u + ROT_VERSION_PATCH)\n",
        part(0),
        part(1),
        part(2)
    )
}

fn generate() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        cpp_compat: true,
        include_guard: Some("ROBUST_OT_H".into()),
        no_includes: true,
        sys_includes: vec!["stddef.h".into(), "stdint.h".into()],
        documentation_style: cbindgen::DocumentationStyle::Doxy,
        style: cbindgen::Style::Both,
        header: Some(PREFACE.into()),
        after_includes: Some(format!(
            "\n#if defined(_WIN32) && defined(ROT_SHARED)\n#define ROT_API __declspec(dllimport)\n#else\n#define ROT_API\n#endif\n\n{}\n{}\n{}",
            version(),
            statuses(),
            macros()
        )),
        usize_is_size_t: true,
        line_length: 100,
        ..Default::default()
    };
    config.function.prefix = Some("ROT_API".into());
    config.export.exclude = vec!["rot_injected_panic".into()];
    config.function.sort_by = Some(cbindgen::SortKey::None);
    // cbindgen follows the modules that this file declares.
    let builder =
        cbindgen::Builder::new().with_config(config).with_src(root.join("src/ffi/mod.rs"));
    let mut text = Vec::new();
    builder.generate().expect("cbindgen reads the sources").write(&mut text);
    let mut text = String::from_utf8(text).unwrap();
    // cbindgen names a generic type's instance by the type: give it the name that C uses.
    for generic in [
        "BarycenterGradientOptions",
        "BarycenterGradient",
        "BarycenterProblem",
        "BarycenterOptions",
        "BarycenterReport",
        "BarycenterHalf",
        "BarycenterSums",
        "BarycenterConstants",
        "Measure",
        "LowrankReport",
        "MatrixMut",
        "Matrix",
        "Rule",
        "Problem",
        "Progress",
        "GradientOptions",
        "AnnealOptions",
        "Accuracy",
        "Rounded",
        "Options",
        "Report",
        "State",
        "Cotangent",
        "Gradient",
        "Tangent",
        "Change",
    ] {
        let c_name = format!("rot_{}", screaming(generic).to_lowercase());
        for (rust, c) in [("f32", "f32"), ("f64", "f64")] {
            text = text.replace(&format!("{generic}_{rust}"), &format!("{c_name}_{c}"));
        }
    }
    // The struct itself is a typedef already: drop the alias that repeats it.
    let repeats = |block: &&str| {
        let last = block.trim_end().lines().next_back().unwrap_or("");
        let words: Vec<&str> = last.trim_end_matches(';').split(' ').collect();
        !matches!(words[..], ["typedef", "struct", name, alias] if name == alias)
    };
    text.split("\n\n").filter(repeats).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn header_matches_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/robust_ot.h");
    let made = generate();
    if std::env::var_os("ROBUST_OT_WRITE_HEADER").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let stored = fs::read_to_string(&path).expect("include/robust_ot.h");
    assert!(made == stored, "include/robust_ot.h is stale: see the head of tests/header.rs");
}
