//! `include/robust_ot.h` as compilers of C and C++ see it, against the same things in Rust: sizes,
//! offsets, constants, initialisers and work lengths; no padding on targets of 64 and of 32 bits.
#![cfg(all(
    feature = "capi",
    feature = "f64",
    feature = "implicit",
    feature = "barycenter",
    feature = "accuracy",
    feature = "lowrank",
    feature = "scaling"
))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::explicit_write,
    reason = "a test may fail loudly, and says what is missing on the real standard error"
)]

use core::mem::{MaybeUninit, offset_of, size_of};
use core::ptr::null_mut;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use robust_ot::error::{Argument, Error, ErrorKind};
use robust_ot::ffi::anneal::{ROT_METHOD_NONE, rot_anneal_fast_work_len, rot_anneal_work_len};
use robust_ot::ffi::barycenter::accuracy::rot_accuracy_barycenter_work_len;
use robust_ot::ffi::barycenter::gradient::rot_barycenter_gradient_work_len;
use robust_ot::ffi::barycenter::rot_barycenter_work_len;
use robust_ot::ffi::barycenter::types::*;
use robust_ot::ffi::gradient::{ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE, rot_gradient_work_len};
use robust_ot::ffi::info::rot_version;
use robust_ot::ffi::lowrank::{
    rot_lowrank_dimension, rot_lowrank_factors_len, rot_lowrank_work_len,
};
use robust_ot::ffi::matching::rot_matching_work_len;
use robust_ot::ffi::plan::rot_plan_work_len;
use robust_ot::ffi::sinkhorn::{
    ROT_RUNNING, rot_sinkhorn_fast_work_len, rot_sinkhorn_parallel_fast_work_len,
    rot_sinkhorn_parallel_work_len, rot_sinkhorn_work_len,
};
use robust_ot::ffi::types::*;
use robust_ot::options::{Options as RustOptions, Stop};
use robust_ot::real::Real;
use robust_ot::report::Termination;

const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-O1"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A directory for what a test makes.
fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("header_c").join(name);
    fs::create_dir_all(&path).unwrap();
    path
}

/// A compiler: the one that the environment names, or the usual one.
fn compiler(variable: &str, usual: &str) -> String {
    std::env::var(variable).ok().filter(|name| !name.is_empty()).unwrap_or_else(|| usual.into())
}

/// Whether a tool answers. One that is missing is said on the real standard error, and fails where
/// the tests have to be complete.
fn present(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok_and(|out| out.status.success());
    if !found {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{tool} is missing");
        writeln!(std::io::stderr(), "NOT RUN: {tool}").unwrap();
    }
    found
}

fn run(command: &mut Command) -> String {
    let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?}\n{errors}");
    assert!(errors.is_empty(), "{command:?} warns:\n{errors}");
    String::from_utf8(out.stdout).unwrap()
}

/// Compiles the fixture and gives what it prints.
fn printed(compiler: &str, flags: &[&str], name: &str) -> BTreeSet<String> {
    let (dir, fixture) = (scratch(name), root().join("tests/fixtures/header/layout.c"));
    let lines = constants().into_iter().map(|(name, _)| format!("CONSTANT({name})\n"));
    fs::write(dir.join("constants.inc"), lines.collect::<String>()).unwrap();
    let program = dir.join("layout");
    run(Command::new(compiler)
        .args(flags)
        .args(STRICT)
        .arg("-I")
        .arg(&dir)
        .arg("-I")
        .arg(root().join("include"))
        .arg(fixture)
        .arg("-o")
        .arg(&program));
    run(&mut Command::new(program)).lines().map(str::to_owned).collect()
}

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

/// Every constant of the header with its value.
fn constants() -> Vec<(String, i64)> {
    macro_rules! named {
        ($($name:ident)*) => { [$((stringify!($name).to_owned(), i64::from(robust_ot::ffi::$name))),*] };
    }
    let mut all: Vec<(String, i64)> = named! {
        ROT_ABI_VERSION ROT_COST_DENSE ROT_COST_SQUARED_EUCLIDEAN ROT_COST_EUCLIDEAN ROT_COST_GRID ROT_COST_LOW_RANK ROT_RULE_EXACT
        ROT_RULE_KL ROT_REFERENCE_COUNTING ROT_REFERENCE_PRODUCT ROT_UNIT_MASS ROT_STOP_RESIDUAL
        ROT_STOP_CERTIFIED ROT_WARM_START ROT_TRUST_DATA ROT_LEVEL_FASTEST ROT_LEVEL_PORTABLE
        ROT_LEVEL_AVX2 ROT_LEVEL_AVX512 ROT_LEVEL_FMA ROT_SWEEP_AUTO ROT_SWEEP_LOG ROT_SWEEP_SCALING ROT_RULE_L2_BALL ROT_RULE_KL_BALL
        ROT_RULE_TV ROT_RULE_BOX
    }
    .into();
    macro_rules! of_module {
        ($module:ident: $($name:ident)*) => {
            all.extend([$((stringify!($name).to_owned(), i64::from(robust_ot::ffi::$module::$name))),*]);
        };
    }
    of_module! { anneal: ROT_METHOD_NONE }
    of_module! { grid: ROT_GRID_DIMENSION }
    of_module! { accuracy:
        ROT_FORMULA_SLACK ROT_FORMULA_UNIFORM ROT_FORMULA_PAPER ROT_SOURCE_NONE ROT_SOURCE_PROVED
        ROT_SOURCE_CODE ROT_SOURCE_PAPER ROT_PATH_ABOVE ROT_PATH_FORMULA ROT_PATH_PLAIN
    }
    of_module! { gradient: ROT_METHOD_DIRECT ROT_METHOD_ITERATIVE }
    of_module! { matching:
        ROT_UNIT_ABSOLUTE ROT_UNIT_LARGEST ROT_UNIT_LARGEST_DIFFERENTIATED ROT_GRADIENT_FULL
        ROT_GRADIENT_ENVELOPE
    }
    all.push(("ROT_RUNNING".into(), i64::from(ROT_RUNNING)));
    all.push(("ROT_NOWHERE".into(), Error::NOWHERE.cast_signed()));
    all.push(("ROT_VERSION".into(), i64::from(rot_version())));
    let parts = env!("CARGO_PKG_VERSION").split('.').map(|part| part.parse::<i64>().unwrap());
    for (name, part) in ["MAJOR", "MINOR", "PATCH"].into_iter().zip(parts) {
        all.push((format!("ROT_VERSION_{name}"), part));
    }
    for ending in Termination::ALL {
        let name = match ending {
            Termination::Converged => "OK".into(),
            other => screaming(&format!("{other:?}")),
        };
        all.push((format!("ROT_{name}"), ending as i64));
    }
    for kind in ErrorKind::ALL {
        all.push((format!("ROT_ERR_{}", screaming(&format!("{kind:?}"))), kind as i64));
    }
    for argument in Argument::ALL {
        all.push((format!("ROT_ARG_{}", screaming(&format!("{argument:?}"))), argument as i64));
    }
    all
}

/// The size of a field, from a function that reaches it.
const fn size_of_field<S, F>(_: fn(&S) -> &F) -> usize {
    size_of::<F>()
}

/// One line for each struct and each of its fields; no padding on the side of Rust either.
fn layouts() -> Vec<String> {
    let mut lines = Vec::new();
    macro_rules! layout {
        ($($name:ident { $($field:ident)* })*) => {$(
            lines.push(format!("struct {} {}", stringify!($name), size_of::<$name>()));
            let mut sum = 0;
            $(
                let size = size_of_field(|s: &$name| &s.$field);
                let offset = offset_of!($name, $field);
                lines.push(format!(
                    "field {} {} {offset} {size}", stringify!($name), stringify!($field)
                ));
                sum += size;
            )*
            assert_eq!(sum, size_of::<$name>(), "{} has padding", stringify!($name));
        )*};
    }
    macro_rules! both {
        ($double:ident $single:ident { $($field:ident)* }) => {
            layout! { $double { $($field)* } $single { $($field)* } }
        };
    }
    both! { rot_matrix_f64 rot_matrix_f32 { data rows cols row_stride col_stride reserved } }
    both! { rot_matrix_mut_f64 rot_matrix_mut_f32 { data rows cols row_stride col_stride reserved } }
    both! { rot_rule_f64 rot_rule_f32 {
        kind flags param lower lower_stride upper upper_stride reserved
    } }
    both! { rot_problem_f64 rot_problem_f32 {
        struct_size cost_kind cost x y a a_len b b_len epsilon reserved_value reference flags rows
        cols count cost_stride x_stride y_stride a_stride b_stride reserved_sizes reserved
    } }
    both! { rot_progress_f64 rot_progress_f32 {
        struct_size reserved32 iterations epsilon residual certified_distance reserved_value
    } }
    both! { rot_options_f64 rot_options_f32 {
        struct_size stop tolerance reserved_value max_iterations check_every flags level sweep
        observe user parallel_for parallel_context tasks reserved32 reserved
    } }
    both! { rot_accuracy_f64 rot_accuracy_f32 {
        formula source path levels target epsilon smallest_target reserved_value iterations
        half_sweeps reserved
    } }
    both! { rot_rounded_f64 rot_rounded_f32 {
        transport_cost unregularised_objective added reserved_value
    } }
    both! { rot_anneal_options_f64 rot_anneal_options_f32 {
        struct_size method start factor tolerance reserved_value max_iterations sweeps level_steps
        reserved32 reserved
    } }
    both! { rot_lowrank_report_f64 rot_lowrank_report_f32 {
        struct_size converged error rank residual rounding max_cost log_error objective_error
        certificate_error reserved_values reserved
    } }
    layout! { rot_error { status argument row col measure } }
    both! { rot_report_f64 rot_report_f32 {
        struct_size converged error iterations epsilon residual residual_rows residual_cols
        rounding_floor transport_cost entropy row_penalty col_penalty objective
        unregularised_objective dual_value gap lower_bound certified_distance mass log_mass
        mass_factor row_multiplier col_multiplier reserved_values collapsed sweep
        levels newton_steps newton_products reserved
    } }
    both! { rot_state_f64 rot_state_f32 { struct_size mark counts values flags balls reserved } }
    both! { rot_cotangent_f64 rot_cotangent_f32 { struct_size reserved32 plan row_marginal col_marginal f g transport_cost value reserved } }
    both! { rot_gradient_options_f64 rot_gradient_options_f32 { struct_size method tolerance forward_tolerance max_iterations level reserved } }
    both! { rot_gradient_f64 rot_gradient_f32 { struct_size reserved32 cost a b x y error epsilon row_rule col_rule forward_residual residual reserved_value iterations reserved32_2 reserved } }
    both! { rot_tangent_f64 rot_tangent_f32 { struct_size reserved32 cost x y a b epsilon reserved_value row_rule col_rule reserved } }
    both! { rot_change_f64 rot_change_f32 { struct_size reserved32 plan f g row_marginal col_marginal error transport_cost value forward_residual residual iterations reserved32_2 reserved } }
    layout! { rot_matching_options { struct_size unit gradient reserved32 reserved } }
    both! { rot_measure_f64 rot_measure_f32 {
        flags cost_kind cost x y weights weights_len share reserved_value rule reserved
    } }
    both! { rot_barycenter_problem_f64 rot_barycenter_problem_f32 {
        struct_size measure_size measures measures_len epsilon reserved_value reserved
    } }
    both! { rot_barycenter_options_f64 rot_barycenter_options_f32 {
        struct_size level_iterations start factor reserved
    } }
    both! { rot_barycenter_report_f64 rot_barycenter_report_f32 {
        struct_size converged error iterations epsilon residual residual_rows residual_cols
        rounding_floor transport_cost entropy penalty objective unregularised_objective dual_value
        gap lower_bound certified_distance mass log_mass share_factor reserved_values reserved
    } }
    both! { rot_barycenter_gradient_options_f64 rot_barycenter_gradient_options_f32 {
        struct_size max_iterations tolerance forward_tolerance level reserved32 reserved
    } }
    both! { rot_barycenter_gradient_f64 rot_barycenter_gradient_f32 {
        struct_size reserved32 error weights shares costs x y reserved_size forward_residual
        residual iterations reserved32_2 reserved
    } }
    both! { rot_barycenter_half_f64 rot_barycenter_half_f32 {
        residual mass log_target reserved_value trouble moved
    } }
    both! { rot_barycenter_sums_f64 rot_barycenter_sums_f32 {
        share exact_share exact_mass tau relaxed residual mass reserved_value
    } }
    both! { rot_barycenter_constants_f64 rot_barycenter_constants_f32 {
        log_mass shift exact residual
    } }
    lines
}

/// All zero but for what the initialiser sets.
fn zero<S: Copy>() -> S {
    // SAFETY: integers, floats, pointers and optional functions: all zero is a value.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

fn bytes<S: Copy>(name: &str, value: &S) -> String {
    let start = core::ptr::from_ref(value).cast::<u8>();
    // SAFETY: the structs have no padding: every byte is set.
    let bytes = unsafe { core::slice::from_raw_parts(start, size_of::<S>()) };
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("bytes {name} {hex}")
}

/// The options that the library takes by default, as the struct of the interface.
fn default_options<T: Real>() -> Options<T> {
    Options {
        struct_size: size_of::<Options<T>>() as u32,
        stop: robust_ot::ffi::ROT_STOP_RESIDUAL,
        tolerance: T::DEFAULT_TOLERANCE,
        reserved_value: T::ZERO,
        max_iterations: 100_000,
        check_every: 10,
        flags: 0,
        level: robust_ot::ffi::ROT_LEVEL_FASTEST,
        sweep: robust_ot::ffi::ROT_SWEEP_AUTO,
        observe: None,
        user: null_mut(),
        parallel_for: None,
        parallel_context: null_mut(),
        tasks: 0,
        reserved32: 0,
        reserved: [0; 3],
    }
}

/// One line for each initialiser.
fn initialisers() -> Vec<String> {
    let mut lines = Vec::new();
    macro_rules! initialised {
        ($t:ident $suffix:literal) => {
            macro_rules! sized {
                ($s:ident) => {
                    $s::<$t> { struct_size: size_of::<$s<$t>>() as u32, ..zero() }
                };
            }
            let exact: Rule<$t> = zero();
            let kl =
                Rule { kind: robust_ot::ffi::ROT_RULE_KL, param: [0.75, 0.0, 0.0, 0.0], ..exact };
            lines.push(bytes(concat!("problem_", $suffix), &sized!(Problem)));
            lines.push(bytes(concat!("options_", $suffix), &default_options::<$t>()));
            lines.push(bytes(concat!("report_", $suffix), &sized!(Report)));
            lines.push(bytes(concat!("state_", $suffix), &sized!(State)));
            lines.push(bytes(concat!("exact_", $suffix), &exact));
            lines.push(bytes(concat!("kl_", $suffix), &kl));
            let ball = |kind| Rule { kind, param: [0.25, 0.5, 0.0, 0.0], ..exact };
            let (l2, near) =
                (ball(robust_ot::ffi::ROT_RULE_L2_BALL), ball(robust_ot::ffi::ROT_RULE_KL_BALL));
            lines.push(bytes(concat!("l2_ball_", $suffix), &l2));
            // theta / (n (1 - theta)) with theta = 1/2, n = 4.
            lines.push(bytes(concat!("dropping_", $suffix), &l2));
            lines.push(bytes(concat!("kl_ball_", $suffix), &near));
            let tv = Rule { kind: robust_ot::ffi::ROT_RULE_TV, ..kl };
            lines.push(bytes(concat!("tv_", $suffix), &tv));
            lines.push(bytes(concat!("box_", $suffix), &ball(robust_ot::ffi::ROT_RULE_BOX)));
            lines.push(bytes(concat!("cotangent_", $suffix), &sized!(Cotangent)));
            lines.push(bytes(concat!("gradient_", $suffix), &sized!(Gradient)));
            lines.push(bytes(concat!("tangent_", $suffix), &sized!(Tangent)));
            lines.push(bytes(concat!("change_", $suffix), &sized!(Change)));
            let options = GradientOptions::<$t> {
                tolerance: if $suffix == "f64" { 1e-12 } else { 1e-6 },
                forward_tolerance: <$t as Real>::FORWARD_TOLERANCE,
                max_iterations: 1000,
                ..sized!(GradientOptions)
            };
            lines.push(bytes(concat!("gradient_options_", $suffix), &options));
            lines
                .push(bytes(concat!("measure_", $suffix), &Measure::<$t> { share: 1.0, ..zero() }));
            let measure_size = size_of::<Measure<$t>>() as u32;
            let problem = BarycenterProblem::<$t> { measure_size, ..sized!(BarycenterProblem) };
            lines.push(bytes(concat!("barycenter_problem_", $suffix), &problem));
            let ladder = BarycenterOptions::<$t> {
                level_iterations: 15,
                factor: 4.0,
                ..sized!(BarycenterOptions)
            };
            lines.push(bytes(concat!("barycenter_options_", $suffix), &ladder));
            lines.push(bytes(concat!("barycenter_report_", $suffix), &sized!(BarycenterReport)));
            let options = BarycenterGradientOptions::<$t> {
                max_iterations: 1000,
                tolerance: <$t as Real>::DEFAULT_TOLERANCE / 10.0,
                forward_tolerance: <$t as Real>::FORWARD_TOLERANCE,
                ..sized!(BarycenterGradientOptions)
            };
            lines.push(bytes(concat!("barycenter_gradient_options_", $suffix), &options));
            let gradient = sized!(BarycenterGradient);
            lines.push(bytes(concat!("barycenter_gradient_", $suffix), &gradient));
            lines.push(bytes(concat!("barycenter_sums_", $suffix), &zero::<BarycenterSums<$t>>()));
            let options = AnnealOptions::<$t> {
                method: ROT_METHOD_ITERATIVE,
                factor: 4.0,
                tolerance: 0.1,
                max_iterations: 1000,
                sweeps: 15,
                level_steps: 3,
                ..sized!(AnnealOptions)
            };
            lines.push(bytes(concat!("anneal_options_", $suffix), &options));
            lines.push(bytes(concat!("lowrank_report_", $suffix), &sized!(LowrankReport)));
        };
    }
    initialised!(f32 "f32");
    initialised!(f64 "f64");
    let matrix = rot_matrix_f64 { rows: 2, cols: 3, row_stride: 3, col_stride: 1, ..zero() };
    lines.push(bytes("matrix_f64", &matrix));
    let matrix = rot_matrix_f64 { rows: 6, cols: 32, row_stride: 32, col_stride: 1, ..zero() };
    lines.push(bytes("lowrank_f64", &matrix));
    lines.push(bytes("no_matrix_f32", &zero::<rot_matrix_f32>()));
    let struct_size = size_of::<rot_matching_options>() as u32;
    lines.push(bytes("matching", &rot_matching_options { struct_size, ..zero() }));
    lines
}

fn work_lengths() -> Vec<String> {
    let counts = [0, 1, 2, 15, 16, 17, 33, 1000, 65536];
    let line = |n, m, d| {
        let (solve, view) = (rot_sinkhorn_work_len(n, m, d), rot_plan_work_len(n, m, d));
        let [direct, iterative] =
            [ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE].map(|k| rot_gradient_work_len(n, m, d, k));
        let [step, small] =
            [ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE].map(|k| rot_matching_work_len(n, m, d, k));
        let [most, less, least] = [ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE, ROT_METHOD_NONE]
            .map(|k| rot_anneal_work_len(n, m, d, k));
        let fast = rot_sinkhorn_fast_work_len(n, m, d);
        let threads = rot_sinkhorn_parallel_work_len(n, m, d, m);
        let both = rot_sinkhorn_parallel_fast_work_len(n, m, d, 1 + d);
        let [most_fast, less_fast, least_fast] =
            [ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE, ROT_METHOD_NONE]
                .map(|k| rot_anneal_fast_work_len(n, m, d, k));
        format!(
            "work {n} {m} {d} {solve} {fast} {threads} {both} {view} {direct} {iterative} {step} {small} {most} {less} {least} {most_fast} {less_fast} {least_fast}"
        )
    };
    let average = |n, m, d| {
        let lens = [
            rot_barycenter_work_len,
            rot_accuracy_barycenter_work_len,
            rot_barycenter_gradient_work_len,
        ];
        let [solve, walk, back] = lens.map(|len| len(m, n, m, d));
        format!("barycenter {n} {m} {d} {solve} {walk} {back}")
    };
    let factors = |n, m, rank| {
        let (factors, dimension) =
            (rot_lowrank_factors_len(n, m, rank), rot_lowrank_dimension(n, m, rank));
        format!(
            "lowrank {n} {m} {rank} {factors} {} {dimension}",
            rot_lowrank_work_len(n, m, 3, rank)
        )
    };
    let mut lines = vec![line(5, 9, 2), average(5, 9, 2), factors(5, 9, 2)];
    for n in counts {
        for m in counts {
            if n > 0 && m > 0 {
                lines.extend(counts[1..].iter().map(|&rank| factors(n, m, rank)));
            }
            lines.extend((0..4).flat_map(|d| [line(n, m, d), average(n, m, d)]));
        }
    }
    let (solve, view) = (rot_sinkhorn_work_len(5, 7, 2), rot_plan_work_len(33, 1, 0));
    let direct = rot_gradient_work_len(5, 7, 2, ROT_METHOD_DIRECT);
    let step = rot_matching_work_len(33, 1, 1, ROT_METHOD_ITERATIVE);
    let ladder = rot_anneal_work_len(5, 7, 2, ROT_METHOD_DIRECT);
    let average = rot_barycenter_work_len(3, 33, 17, 1);
    let fast = rot_sinkhorn_fast_work_len(5, 7, 2);
    let back = rot_barycenter_gradient_work_len(3, 33, 17, 1);
    let walk = rot_accuracy_barycenter_work_len(3, 33, 17, 1);
    lines.push(format!(
        "arrays {solve} {fast} {view} {direct} {step} {ladder} {average} {back} {walk}"
    ));
    lines
}

#[test]
fn c_and_cpp_see_what_rust_sees() {
    let constants = constants().into_iter().map(|(name, value)| format!("constant {name} {value}"));
    let expected: BTreeSet<String> = layouts()
        .into_iter()
        .chain(initialisers())
        .chain(constants)
        .chain(work_lengths())
        .chain(["vector 3 1 1 1 1".into()])
        .collect();
    let (cc, cxx) = (compiler("CC", "cc"), compiler("CXX", "c++"));
    let mut seen = vec![printed(&cc, &["-std=c99"], "c99"), printed(&cc, &["-std=c11"], "c11")];
    if present(&cxx) {
        seen.push(printed(&cxx, &["-std=c++11", "-x", "c++"], "cpp11"));
    }
    for found in seen {
        let only_c: Vec<_> = found.difference(&expected).collect();
        let only_rust: Vec<_> = expected.difference(&found).collect();
        assert!(only_c.is_empty() && only_rust.is_empty(), "C: {only_c:#?}\nRust: {only_rust:#?}");
    }
}

/// A constant that is new in the header has to join the comparison.
#[test]
fn no_constant_is_left_out() {
    let header = fs::read_to_string(root().join("include/robust_ot.h")).unwrap();
    let names: BTreeSet<&str> = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define "))
        .filter_map(|rest| rest.split_once(' '))
        .map(|(name, _)| name)
        // Not functions, not initialisers.
        .filter(|name| !name.contains('(') && !name.ends_with("_INIT"))
        .filter(|name| !["ROT_API", "ROT_NO_MATRIX", "ROT_EXACT"].contains(name))
        .collect();
    let known = constants();
    assert_eq!(names, known.iter().map(|(name, _)| name.as_str()).collect());
}

/// The initialiser of the options, the constructor in Rust and the setters agree on the defaults.
#[test]
fn the_defaults_are_those_of_the_library() {
    fn agree<T: robust_ot::kernel::Precision<Potential = T> + Real>() {
        let c = default_options::<T>();
        let set = RustOptions::<T>::new()
            .stop(Stop::Residual(c.tolerance))
            .max_iterations(c.max_iterations)
            .check_every(c.check_every)
            .warm_start(false)
            .trust_data(false);
        assert_eq!(format!("{set:?}"), format!("{:?}", RustOptions::<T>::new()));
    }
    agree::<f32>();
    agree::<f64>();
}

/// The checks at compile time, where pointers and sizes have 32 bits.
#[test]
fn no_padding_on_a_microcontroller() {
    let arm = "arm-none-eabi-gcc";
    if !present(arm) {
        return;
    }
    let fixture = root().join("tests/fixtures/header/layout.c");
    for standard in ["-std=c99", "-std=c11"] {
        run(Command::new(arm)
            .args([standard, "-ffreestanding", "-mcpu=cortex-m4", "-mthumb", "-c"])
            .args(STRICT)
            .arg("-I")
            .arg(root().join("include"))
            .arg(&fixture)
            .arg("-o")
            .arg(scratch("arm").join("layout.o")));
    }
}
