//! The C examples as a user meets them: built by their Makefile, run, and held against what is
//! known of their answers.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]

mod artefacts;
mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use artefacts::{C_FLAGS, not_run, root, tool};
use common::golden::{Instance, transport};
use robust_ot::marginal::Rule;
use serde_json::Value;

/// What a program did.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or_else(|| panic!("{command:?}: {output:?}"));
        Self { code, out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Asserts how it ended.
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n{}\n{}", self.out, self.err);
        self
    }
}

/// An empty folder for a test.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_examples").join(name);
    if path.exists() {
        fs::remove_dir_all(&path).unwrap();
    }
    fs::create_dir_all(&path).unwrap();
    path
}

/// Runs make in the folder of the examples, without what the environment of this test would change
/// about the library.
fn make(build: &Path, targets: &[&str]) -> Ran {
    let mut make = Command::new("make");
    for name in
        ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "CFLAGS", "MAKEFLAGS"]
    {
        make.env_remove(name);
    }
    make.env("CARGO", env!("CARGO")).arg("-C").arg(root().join("c-examples"));
    Ran::of(make.arg(format!("BUILD={}", build.display())).args(targets)).expect(0)
}

/// Where the library and the examples lie, built once for all tests, and what `make lib` said.
fn built() -> &'static (PathBuf, String) {
    static BUILT: OnceLock<(PathBuf, String)> = OnceLock::new();
    BUILT.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_examples-build");
        let said = make(&path, &["lib"]).out;
        make(&path, &["examples"]);
        (path, said)
    })
}

fn build() -> &'static Path {
    &built().0
}

/// Runs `solve` in a folder.
fn solve(folder: &Path, args: &[&str]) -> Ran {
    Ran::of(Command::new(build().join("solve")).current_dir(folder).args(args))
}

fn numbers(line: &str, separator: char) -> Vec<f64> {
    line.split(separator).filter(|x| !x.is_empty()).map(|x| x.trim().parse().unwrap()).collect()
}

/// The numbers of a CSV file, line by line.
fn read_csv(path: &Path) -> Vec<Vec<f64>> {
    fs::read_to_string(path).unwrap().lines().map(|line| numbers(line, ',')).collect()
}

fn write_csv(path: &Path, values: &[f64], cols: usize) {
    let line = |row: &[f64]| row.iter().map(f64::to_string).collect::<Vec<_>>().join(",") + "\n";
    fs::write(path, values.chunks(cols).map(line).collect::<String>()).unwrap();
}

fn read_json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn lib_says_where_everything_is() {
    let said = &built().1;
    let header = fs::read_to_string(root().join("include/robust_ot.h")).unwrap();
    let abi = header.lines().find_map(|line| line.strip_prefix("#define ROT_ABI_VERSION "));
    let shared = format!("/librobust_ot.so.{}", abi.unwrap());
    let mut ends = vec!["/librobust_ot.a", "/robust_ot.pc", "/include/robust_ot.h"];
    if cfg!(target_os = "linux") {
        ends.push(&shared);
    }
    let places: Vec<&str> = said.lines().filter_map(|line| line.split("  ").last()).collect();
    for end in ends {
        let place = places.iter().find(|place| place.trim().ends_with(end)).expect(said);
        assert!(Path::new(place.trim()).exists(), "{place}");
    }
}

/// Warm starts pay, and the agents end up at goals.
#[test]
fn agents_share_out_their_goals() {
    let ran = Ran::of(&mut Command::new(build().join("agents"))).expect(0);
    let number = |before: &str| -> f64 {
        let rest = ran.out.split(before).nth(1).unwrap_or_else(|| panic!("{}", ran.out));
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    let (cold, warm) = (number("of 4 teams: "), number("nothing, "));
    assert!(1.0 <= warm && warm < cold / 2.0, "{}", ran.out);
    assert!(number("nearest goal ") < 0.02, "{}", ran.out);
}

#[test]
fn quickstart_prints_its_plan() {
    let ran = Ran::of(&mut Command::new(build().join("quickstart"))).expect(0);
    let (a, b) = ([0.5, 0.3, 0.2], [0.1, 0.2, 0.3, 0.4]);
    let mut columns = [0.0; 4];
    for (line, a) in ran.out.lines().zip(a) {
        let row = numbers(line.split("sum").next().unwrap(), ' ');
        assert_eq!(row.len(), 4, "{line}");
        assert!((row.iter().sum::<f64>() - a).abs() < 4e-6, "{line}");
        for (column, x) in columns.iter_mut().zip(row) {
            *column += x;
        }
    }
    assert!(columns.iter().zip(b).all(|(x, b)| (x - b).abs() < 4e-6), "{columns:?}");
    assert!(ran.out.contains("\nconverged after "), "{}", ran.out);
}

/// The fields of the Rust report, from its source.
fn report_fields() -> BTreeSet<String> {
    let source = include_str!("../src/report.rs");
    let body = source.split("pub struct Report<T> {").nth(1).unwrap().split("\n}").next().unwrap();
    let fields = body.lines().filter_map(|line| line.trim().strip_prefix("pub "));
    let fields: BTreeSet<_> =
        fields.map(|field| field.split(':').next().unwrap().to_owned()).collect();
    assert!(fields.len() > 15, "{fields:?}");
    fields
}

fn largest(values: &[f64]) -> f64 {
    values.iter().filter(|x| x.is_finite()).fold(0.0, |m, x| m.max(x.abs()))
}

/// |found - stored| <= tolerance * the largest stored entry, for every entry.
fn close(what: &str, found: &[f64], stored: &[f64], tolerance: f64) {
    let scale = largest(stored);
    assert_eq!(found.len(), stored.len(), "{what}");
    for (k, (x, y)) in found.iter().zip(stored).enumerate() {
        let same = x == y || (x - y).abs() <= tolerance * scale;
        assert!(same, "{what}[{k}]: {x:e} against {y:e}");
    }
}

fn outer_sum(f: &[f64], g: &[f64]) -> Vec<f64> {
    f.iter().flat_map(|f| g.iter().map(move |g| f + g)).collect()
}

/// Solves a stored instance through its files and compares everything that comes out.
fn check(instance: &Instance, folder: &Path, precision: &[&str], tolerance: f64) {
    let rule = |rule| match rule {
        Rule::Kl { tau } => format!("kl:{tau}"),
        Rule::L2Ball { radius2, entropy } => format!("l2ball:{radius2}:{entropy}"),
        Rule::KlBall { radius, entropy } => format!("klball:{radius}:{entropy}"),
        _ => "exact".into(),
    };
    let (rows, cols) = (rule(instance.row), rule(instance.col));
    let epsilon = instance.epsilon.to_string();
    write_csv(&folder.join("C.csv"), &instance.cost, instance.cols);
    write_csv(&folder.join("a.csv"), &instance.a, 1);
    write_csv(&folder.join("b.csv"), &instance.b, instance.cols);
    let problem = ["--cost", "C.csv", "--a", "a.csv", "--b", "b.csv", "--epsilon", &epsilon];
    let rules = ["--rows", &rows, "--cols", &cols, "--max-iterations", "1000000"];
    let outputs =
        ["--plan", "plan.csv", "--potentials", "potentials.csv", "--report", "report.json"];
    let single = precision.contains(&"--f32");
    let gradient = instance.gradient.as_ref().filter(|_| !single);
    let gradients = [
        "--cotangent",
        "G.csv",
        "--gradient-cost",
        "dC.csv",
        "--gradient-a",
        "da.csv",
        "--gradient-b",
        "db.csv",
    ];
    let gradients = if let Some(stored) = gradient {
        write_csv(&folder.join("G.csv"), &stored.cotangent, instance.cols);
        &gradients[..]
    } else {
        &[]
    };
    let ran = solve(folder, &[&problem[..], &rules, &outputs, precision, gradients].concat());

    let report = read_json(&folder.join("report.json"));
    let ending = report["termination"].as_str().unwrap();
    let known = matches!((ran.code, ending), (0, "Converged") | (1, "RoundingFloor"));
    assert!(known, "{}: {} {ending} {}", instance.name, ran.code, ran.err);
    assert_eq!(report["converged"].as_bool(), Some(ran.code == 0));
    let found: BTreeSet<String> = report.as_object().unwrap().keys().cloned().collect();
    let mut expected = report_fields();
    expected.extend(
        ["converged", "status", "levels", "newton_steps", "newton_products"].map(str::to_owned),
    );
    assert_eq!(found, expected);

    let plan = read_csv(&folder.join("plan.csv"));
    assert!(plan.iter().all(|row| row.len() == instance.cols));
    close(&instance.name, &plan.concat(), &instance.plan, tolerance);
    // Potentials and values are sums of costs: their rounding is relative to the cost.
    let max_cost = largest(&instance.cost);
    let potentials = read_csv(&folder.join("potentials.csv"));
    let stored = outer_sum(&instance.f, &instance.g);
    let scaled = tolerance * (max_cost / largest(&stored)).max(1.0);
    close(&instance.name, &outer_sum(&potentials[0], &potentials[1]), &stored, scaled);
    let mass: f64 = instance.row_marginal.iter().sum();
    for (name, stored) in
        [("transport_cost", instance.transport_cost), ("objective", instance.objective)]
    {
        let found = report[name].as_f64().unwrap();
        let scale = stored.abs().max(max_cost * mass);
        assert!((found - stored).abs() <= tolerance * scale, "{}: {name} {found}", instance.name);
    }
    for (name, stored) in ["row_multiplier", "col_multiplier"].into_iter().zip(instance.multipliers)
    {
        let found = report[name].as_f64().unwrap();
        assert!(single || (found - stored).abs() <= 1e-8 * stored, "{name}: {found} {stored}");
    }
    let Some(stored) = gradient else { return };
    let precise = if instance.name.contains("offset") { 1e-5 } else { 1e-6 };
    let near = |what: &str, found: &[f64], stored: &[f64]| {
        let scale = largest(stored);
        for (x, y) in found.iter().zip(stored) {
            let off = (x - y).abs();
            assert!(off <= precise * scale + 1e-8, "{} {what}: {x:e} {y:e}", instance.name);
        }
    };
    near("cost", &read_csv(&folder.join("dC.csv")).concat(), &stored.cost);
    let slack = instance.multipliers.map(|multiplier| multiplier == 0.0);
    for (file, stored, slack) in [("da.csv", &stored.a, slack[0]), ("db.csv", &stored.b, slack[1])]
    {
        let found = read_csv(&folder.join(file)).concat();
        match stored {
            // What is stored for a slack ball is the noise of differences.
            Some(_) if slack && instance.name.contains("rho5") => {
                assert!(found.iter().all(|x| x.abs() < 1e-12));
            }
            Some(stored) => near(file, &stored.of(&found), &stored.values),
            None => {}
        }
    }
}

#[test]
fn solve_finds_the_stored_optima() {
    let folder = folder("golden");
    for instance in transport() {
        check(&instance, &folder, &["--stop", "residual:1e-13"], 1e-10);
        let ratio = (largest(&instance.cost) / instance.epsilon).max(1.0);
        let single = ["--f32", "--stop", "residual:1e-7"];
        check(&instance, &folder, &single, 8.0 * 6e-8 * ratio);
    }
}

/// --accuracy proves what it was asked for, against the same problem solved at a tiny epsilon.
#[test]
fn solve_proves_an_accuracy() {
    let folder = folder("accuracy");
    write_csv(&folder.join("C.csv"), &[0.0, 4.0, 1.0, 1.0, 4.0, 0.0], 2);
    let common = ["--cost", "C.csv", "--cols", "kl:1", "--report", "report.json"];
    let number = |name: &str| read_json(&folder.join("report.json"))[name].as_f64().unwrap();
    solve(&folder, &[&common[..], &["--epsilon", "1e-5", "--anneal"]].concat()).expect(0);
    let optimum = number("unregularised_objective");
    for (accuracy, more) in [("0.1", &[][..]), ("0.001", &[]), ("0.01", &["--f32"])] {
        let asked = ["--accuracy", accuracy, "--plan", "plan.csv"];
        let ran = solve(&folder, &[&common[..], &asked, more].concat()).expect(0);
        let target: f64 = accuracy.parse().unwrap();
        assert!(number("certified_distance") <= target);
        let found = number("unregularised_objective");
        assert!((found - optimum).abs() <= target + 1e-4, "{found} for {optimum}");
        assert!((number("accuracy") - target).abs() <= 1e-6 * target);
        assert!(number("bound") >= number("iterations"));
        assert!(number("epsilon") >= number("formula_epsilon"));
        assert!(ran.out.contains(&format!("asked to be within      {accuracy};")), "{}", ran.out);
        // The plan is that of the epsilon that was found: rows are exact.
        let text = fs::read_to_string(folder.join("plan.csv")).unwrap();
        for line in text.lines() {
            let sum: f64 = line.split(',').map(|x| x.parse::<f64>().unwrap()).sum();
            assert!((sum - 1.0 / 3.0).abs() <= 1e-5, "{line}");
        }
    }
}

/// --rounded writes a plan that meets its exact sides to the last digit, long before the sweeps do,
/// and reports what it costs: never less than the best without entropy, or than its certified bound.
#[test]
fn solve_rounds_its_plan() {
    let folder = folder("rounded");
    let (n, m) = (5, 4);
    let cost: Vec<f64> = (0..n * m).map(|k| ((k * k + 3 * k) % 11) as f64 / 4.0).collect();
    let [a, b] = [n, m].map(|len| {
        let weights: Vec<f64> = (0..len).map(|k| 1.0 + ((2 * k + len) % 3) as f64).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|w| 3.0 * w / sum).collect::<Vec<_>>()
    });
    write_csv(&folder.join("C.csv"), &cost, m);
    write_csv(&folder.join("a.csv"), &a, n);
    write_csv(&folder.join("b.csv"), &b, m);
    let common = ["--cost", "C.csv", "--a", "a.csv", "--b", "b.csv", "--plan", "plan.csv"];
    let report = || read_json(&folder.join("report.json"));
    let number = |name: &str| report()[name].as_f64();
    let run = |more: &[&str]| {
        let all = [&common[..], &["--report", "report.json"], more].concat();
        solve(&folder, &all)
    };
    let off = |plan: &[Vec<f64>]| {
        let far = |sum: f64, w: f64| (sum - w).abs();
        let rows = plan.iter().zip(&a).map(|(row, a)| far(row.iter().sum(), *a));
        let cols = (0..m).map(|j| far(plan.iter().map(|row| row[j]).sum(), b[j]));
        [rows.fold(0.0, f64::max), cols.fold(0.0, f64::max)]
    };
    // The best without entropy, of both sides exact.
    run(&["--epsilon", "1e-4", "--anneal"]).expect(0);
    let best = number("transport_cost").unwrap();
    assert!(number("rounded_transport_cost").is_none());
    let early = ["--max-iterations", "2", "--stop", "residual:1e-15"];
    let (rows, cols) = (["--rows", "kl:2"], ["--cols", "kl:2"]);
    let certified = ["--accuracy", "0.05"];
    let cases: [(&[&str], [bool; 2], i32); 4] = [
        (&[&["--epsilon", "0.1"][..], &early].concat(), [true, true], 1),
        (&[&["--epsilon", "0.1"][..], &early, &cols].concat(), [true, false], 1),
        (&[&certified[..], &rows].concat(), [false, true], 0),
        (&[&certified[..], &cols].concat(), [true, false], 0),
    ];
    for (how, exact, code) in cases {
        for (single, unit) in [(&[][..], 1e-14 * 3.0), (&["--f32"], 3.0 * 100.0 * 6e-8)] {
            let how = [how, single].concat();
            run(&how).expect(code);
            let plain = read_csv(&folder.join("plan.csv"));
            let ran = run(&[&how[..], &["--rounded"]].concat()).expect(code);
            assert!(ran.out.contains("\nrounded: transport cost "), "{}", ran.out);
            let plan = read_csv(&folder.join("plan.csv"));
            let (before, after) = (off(&plain), off(&plan));
            for side in 0..2 {
                assert!(!exact[side] || after[side] <= unit, "{how:?}: {after:?}");
            }
            // What is to be shown: the sweeps leave one of two exact sides far behind.
            assert!(exact != [true; 2] || before[0].max(before[1]) > 1e-4, "{before:?}");
            let own: f64 = plan.concat().iter().zip(&cost).map(|(x, c)| x * c).sum();
            let told = number("rounded_transport_cost").unwrap();
            assert!((told - own).abs() <= 10.0 * unit, "{how:?}: {told} {own}");
            let objective = number("rounded_unregularised_objective").unwrap();
            if exact == [true; 2] {
                assert!(number("lower_bound").is_none() && objective == told);
                assert!(number("rounded_added").unwrap() > 0.0);
                assert!(told >= best - 1e-3, "{told} below {best}");
            } else {
                let bound = number("lower_bound").unwrap();
                assert!(objective >= bound && objective > told, "{how:?}: {objective} {bound}");
                let kl = |sums: &[f64], w: &[f64]| -> f64 {
                    sums.iter().zip(w).map(|(r, w)| 2.0 * (r * (r / w).ln() - r + w)).sum()
                };
                let of_rows: Vec<f64> = plan.iter().map(|row| row.iter().sum()).collect();
                let of_cols: Vec<f64> =
                    (0..m).map(|j| plan.iter().map(|row| row[j]).sum()).collect();
                let penalty = if exact[0] { kl(&of_cols, &b) } else { kl(&of_rows, &a) };
                assert!((objective - own - penalty).abs() <= 20.0 * unit, "{how:?}: {objective}");
            }
        }
    }
    // Mass that has to go where it may not: said, and the cost is infinite.
    fs::write(folder.join("gap.csv"), "0,3,inf\n3,0,0\n").unwrap();
    fs::write(folder.join("left.csv"), "0.2,0.4,0.4\n").unwrap();
    let gap = ["--cost", "gap.csv", "--b", "left.csv", "--epsilon", "0.1", "--rounded"];
    let gap = [&gap[..], &["--report", "report.json"]].concat();
    let ran = solve(&folder, &[&gap[..], &early].concat()).expect(1);
    assert!(ran.err.contains("the rounded plan has mass on forbidden pairs"), "{}", ran.err);
    assert!(report()["rounded_transport_cost"].is_null());
    // Where the pairs that are left can take it: 0.5 from the first row, 0.25 * 1 from the second.
    fs::write(folder.join("gap.csv"), "0,inf\n1,0\n").unwrap();
    fs::write(folder.join("left.csv"), "0.75,0.25\n").unwrap();
    let ran = solve(&folder, &[&gap[..], &early].concat()).expect(1);
    assert!(!ran.err.contains("forbidden"), "{}", ran.err);
    assert!((number("rounded_transport_cost").unwrap() - 0.25).abs() <= 1e-15);
}

/// At a small epsilon --anneal finds what was stored with far fewer sweeps than the plain solve.
#[test]
fn solve_anneals_to_the_stored_optima() {
    let folder = folder("anneal");
    let tight = ["--stop", "residual:1e-13"];
    let count = |name: &str| read_json(&folder.join("report.json"))[name].as_u64().unwrap();
    let mut small = 0;
    for instance in transport() {
        // Where there is a ladder from a 10th of the largest cost.
        if largest(&instance.cost) < 20.0 * instance.epsilon {
            continue;
        }
        check(&instance, &folder, &tight, 1e-10);
        let plain = count("iterations");
        assert_eq!((count("levels"), count("newton_steps")), (0, 0));
        for newton in ["none", "direct", "iterative"] {
            let anneal = ["--anneal", "--newton", newton];
            check(&instance, &folder, &[&tight[..], &anneal].concat(), 1e-10);
            assert!(count("levels") > 0, "{}", instance.name);
            assert!(newton != "none" || count("newton_steps") == 0, "{}", instance.name);
            if instance.epsilon < 0.01 {
                assert_eq!(count("newton_steps") > 0, newton != "none", "{}", instance.name);
                small += 1;
                let (sweeps, name) = (count("iterations"), &instance.name);
                assert!(newton == "none" || 5 * sweeps < plain, "{name}: {sweeps} of {plain}");
            }
        }
    }
    assert!(small >= 3, "no stored epsilon is small");
    write_csv(&folder.join("C.csv"), &[0.0, 4.0, 1.0, 1.0, 4.0, 0.0], 2);
    let ran = solve(&folder, &["--cost", "C.csv", "--epsilon", "0.01", "--anneal"]).expect(0);
    assert!(ran.out.contains("\nepsilons on the way     3; Newton steps "), "{}", ran.out);
}

/// Both kinds of sweeps find what was stored; the report says which it was.
#[test]
fn solve_sweeps_as_asked() {
    let folder = folder("sweeps");
    let stored = transport();
    let instance = stored.iter().find(|x| x.epsilon >= 0.01).unwrap();
    for (sweep, expected) in [("auto", "Scaling"), ("scaling", "Scaling"), ("log", "Log")] {
        let how = ["--stop", "residual:1e-13", "--sweep", sweep];
        check(instance, &folder, &how, 1e-10);
        assert_eq!(read_json(&folder.join("report.json"))["sweep"], expected, "{sweep}");
    }
}

#[test]
fn points_cost_what_their_matrix_costs() {
    let folder = folder("points");
    fs::write(folder.join("X.csv"), "0,0\n1,0\n0.5,2\n").unwrap();
    fs::write(folder.join("Y.csv"), "# a comment\r\n\r\n3 , 4\r\n 0,0 \r\n").unwrap();
    fs::write(folder.join("squared.csv"), "25,0\n20,1\n10.25,4.25\n").unwrap();
    let roots = [5.0, 0.0, 20_f64.sqrt(), 1.0, 10.25_f64.sqrt(), 4.25_f64.sqrt()];
    write_csv(&folder.join("distance.csv"), &roots, 2);
    let common = ["--epsilon", "0.5", "--rows", "kl:1", "--cols", "kl:2", "--robust"];
    let rest = ["--reference", "product", "--stop", "residual:1e-12", "--plan"];
    for (metric, cost) in [(&[][..], "squared.csv"), (&["--euclidean"], "distance.csv")] {
        let points = [&["--points", "X.csv", "Y.csv"], metric, &common, &rest, &["x.csv"]];
        let dense = [&["--cost", cost][..], &common, &rest, &["y.csv"]];
        solve(&folder, &points.concat()).expect(0);
        solve(&folder, &dense.concat()).expect(0);
        let (x, y) = (read_csv(&folder.join("x.csv")), read_csv(&folder.join("y.csv")));
        close(cost, &x.concat(), &y.concat(), 1e-10);
        assert!((x.concat().iter().sum::<f64>() - 1.0).abs() < 1e-12, "not of unit mass");
    }
}

/// A kernel of low rank comes to what the squared distances come to, within its bound.
#[test]
fn low_ranks_come_to_what_the_points_come_to() {
    let folder = folder("ranks");
    let [x, y] = ["coffee_pixels.csv", "shuttle_pixels.csv"]
        .map(|name| root().join("c-examples/data").join(name).display().to_string());
    let objective = |how: &[&str]| {
        let points = ["--points", &x, &y, "--epsilon", "0.3", "--rows", "kl:0.5"];
        let all = [&points[..], how, &["--report", "report.json"]].concat();
        solve(&folder, &all).expect(0);
        let report = read_json(&folder.join("report.json"));
        (report["objective"].as_f64().unwrap(), report["transport_cost"].as_f64().unwrap())
    };
    let exact = objective(&[]);
    for how in [&["--rank", "auto"][..], &["--rank", "110"]] {
        let found = objective(how);
        // epsilon times the bound on the logarithm of the kernel, of unit mass.
        assert!((found.0 - exact.0).abs() <= 0.3 * 1e-3, "{how:?} {found:?} {exact:?}");
        assert!((found.1 - exact.1).abs() <= 1e-3 * exact.1, "{how:?} {found:?} {exact:?}");
    }
    let refused = |how: &[&str], message: &str| {
        let all = [&["--points", &x[..], &y, "--epsilon"][..], how].concat();
        let ran = solve(&folder, &all).expect(2);
        assert!(ran.err.contains(message), "{how:?}: {}", ran.err);
    };
    refused(&["0.02", "--rank", "auto"], "no rank keeps the kernel within the bound");
    refused(&["0.3", "--rank", "3"], "--rank 3: the rank does not bring");
    refused(&["0.3", "--rank", "0"], "--rank 0: neither a count above 0 nor auto");
    refused(&["0.3", "--rank", "4", "--anneal"], "--rank 4: does not go with --anneal");
    refused(&["0.3", "--rank", "4", "--euclidean"], "--rank 4: needs --points");
}

const OUTPUTS: [&str; 6] =
    ["--plan", "plan.csv", "--potentials", "potentials.csv", "--report", "report.json"];

/// A folder with the files that the refusals below are about.
fn zoo(name: &str) -> PathBuf {
    let folder = folder(name);
    let files: [(&str, &[u8]); 22] = [
        ("C.csv", b"0,1\n1,0\n"),
        ("word.csv", b"1,2\n3,x\n"),
        ("header.csv", b"cost,price\n1,2\n"),
        ("short.csv", b"1,2\n\n3\n"),
        ("long.csv", b"1,2\n3,4,5\n"),
        ("nan.csv", b"1,nan\n3,4\n"),
        ("empty.csv", b""),
        ("comments.csv", b"# nothing\n\n"),
        ("hole.csv", b"1,,2\n"),
        ("trailing.csv", b"1,2,\n3,4,\n"),
        ("huge.csv", b"1,2\n3,1e999\n"),
        ("binary.csv", b"1,2\n\0\xff,3\n"),
        ("minus.csv", b"0,-inf\n1,0\n"),
        ("closed.csv", b"0,1\ninf,inf\n"),
        ("negative.csv", b"# weights\n0.5\n\n-0.5\n"),
        ("zero.csv", b"0,0\n"),
        ("heavy.csv", b"0.5,0.6\n"),
        ("three.csv", b"1,2,3\n"),
        ("wide.csv", b"1,2\n3,1e60\n"),
        ("far.csv", b"0,inf\n1,0\n"),
        ("uneven.csv", b"0.8,0.2\n"),
        ("plan.csv", b"as it was"),
    ];
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
    folder
}

/// Command line, and what the message has to say.
const REFUSALS: [(&str, &str); 60] = [
    ("--cost word.csv --epsilon 1", "word.csv:2:2: \"x\" is not a number"),
    ("--cost header.csv --epsilon 1", "header.csv:1:1: \"cost\" is not a number"),
    ("--cost short.csv --epsilon 1", "short.csv:3:2: this line has fewer values"),
    ("--cost long.csv --epsilon 1", "long.csv:2:3: this line has more values"),
    ("--cost nan.csv --epsilon 1", "nan.csv:1:2: \"nan\" is not a number"),
    ("--cost empty.csv --epsilon 1", "empty.csv:1:1: the file holds no values"),
    ("--cost comments.csv --epsilon 1", "comments.csv:1:1: the file holds no values"),
    ("--cost hole.csv --epsilon 1", "hole.csv:1:2: a value is missing"),
    ("--cost trailing.csv --epsilon 1", "trailing.csv:1:3: a value is missing"),
    ("--cost huge.csv --epsilon 1", "huge.csv:2:2: \"1e999\" is too large"),
    ("--cost binary.csv --epsilon 1", "binary.csv:2:1: \"??\" is not a number"),
    ("--cost no/such.csv --epsilon 1", "no/such.csv: No such file"),
    ("--cost . --epsilon 1", ".: "),
    ("--cost minus.csv --epsilon 1", "minus.csv:1:2: the cost: an entry is infinite"),
    ("--cost closed.csv --epsilon 1", "see line 2 of closed.csv"),
    (
        "--points C.csv far.csv --epsilon 1",
        "far.csv:1:2: the points of the columns: an entry is inf",
    ),
    (
        "--points C.csv three.csv --epsilon 1",
        "three.csv: points of dimension 3, but those of C.csv",
    ),
    ("--cost C.csv --a negative.csv --epsilon 1", "negative.csv:4:1: the weights of the rows: a w"),
    ("--cost C.csv --b zero.csv --epsilon 1", "zero.csv: the weights of the columns: all weights"),
    ("--cost C.csv --a heavy.csv --epsilon 1", "those of the rows (heavy.csv) sum to 1.1"),
    ("--cost C.csv --a three.csv --epsilon 1", "three.csv: 3 weights for the 2 rows of C.csv"),
    ("--cost C.csv --a C.csv --epsilon 1", "C.csv: weights form one line or one column"),
    ("--cost wide.csv --epsilon 1 --f32", "wide.csv:2:2: 1e+60 is too large for --f32"),
    ("--cost C.csv --epsilon 0", "--epsilon 0: epsilon is not positive"),
    ("--cost C.csv --epsilon nan", "--epsilon nan: epsilon is not positive"),
    ("--cost C.csv --epsilon 1x", "--epsilon 1x: not a number"),
    ("--cost C.csv", "--epsilon, --accuracy: exactly one of them"),
    ("--epsilon 1", "--cost, --points: exactly one"),
    ("--cost C.csv --euclidean --epsilon 1", "--euclidean: needs --points"),
    ("--cost C.csv --epsilon 1 --rows kl:0", "--rows kl:0: tau is not positive"),
    ("--cost C.csv --epsilon 1 --cols free", "--cols free: none of exact, kl:TAU, l2ball:R2:E"),
    ("--cost C.csv --epsilon 1 --cols l2ball:1", "--cols l2ball:1: a number is missing"),
    ("--cost C.csv --epsilon 1 --cols tv:0", "--cols tv:0: tau is not positive"),
    ("--cost C.csv --epsilon 1 --cols box:2:1", "--cols box:2:1: a box is not 0 <= lower"),
    ("--cost C.csv --epsilon 1 --rows box:3:4", "--rows box:3:4: no mass lies in the ranges"),
    ("--cost C.csv --epsilon 1 --cols klball:1:x", "--cols klball:1:x: not a number"),
    ("--cost C.csv --epsilon 1 --cols l2ball:-1:1", "--cols l2ball:-1:1: the radius of a ball"),
    ("--cost C.csv --epsilon 1 --cotangent C.csv", "--cotangent, --gradient-...: one needs"),
    (
        "--cost C.csv --epsilon 1 --cotangent short.csv --gradient-cost x",
        "short.csv:3:2: this line has fewer values",
    ),
    (
        "--cost C.csv --epsilon 1 --cotangent three.csv --gradient-cost x",
        "three.csv: 1 x 3, but the plan is 2 x 2",
    ),
    ("--cost C.csv --epsilon 1 --robust", "--rows exact: the unit-mass problem takes KL"),
    ("--cost C.csv --epsilon 1 --reference b", "--reference b: not product"),
    ("--cost C.csv --epsilon 1 --stop soon", "--stop soon: neither residual:T nor certified:E"),
    ("--cost C.csv --epsilon 1 --stop residual:-1", "--stop residual:-1: a tolerance or target"),
    ("--cost C.csv --epsilon 1 --stop certified:1", "--stop certified:1: no certificate exists"),
    ("--cost C.csv --epsilon 1 --max-iterations 0", "--max-iterations 0: a count of iterations"),
    ("--cost C.csv --epsilon 1 --max-iterations -1", "--max-iterations -1: not a count"),
    ("--cost C.csv --epsilon 1 --rows", "--rows: a value is missing after it"),
    ("--cost C.csv --epsilon 1 --newton direct", "--newton direct: needs --anneal or --accuracy"),
    ("--cost C.csv --epsilon 1 --accuracy 1", "--epsilon, --accuracy: exactly one of them"),
    ("--cost C.csv --accuracy 1 --anneal", "--accuracy 1: neither with --anneal nor with --stop"),
    ("--cost C.csv --accuracy 1", "--accuracy 1: no certificate exists"),
    ("--cost C.csv --accuracy 1e-20 --cols kl:1", "--accuracy 1e-20: the target is below"),
    ("--cost C.csv --epsilon 1 --rounded --rows kl:1 --cols kl:1", "--rounded: no side is exact"),
    (
        "--cost C.csv --epsilon 1 --rounded --rows kl:1 --cols kl:1 --robust",
        "--rounded: no side is",
    ),
    ("--cost C.csv --epsilon 1 --rounded --cols tv:1", "--cols tv:1: --rounded takes exact and kl"),
    ("--cost C.csv --epsilon 1 --rounded --rows box:0:2", "--rows box:0:2: --rounded takes exact"),
    ("--cost C.csv --epsilon 1 --sweep fast", "--sweep fast: none of auto, log and scaling"),
    (
        "--cost C.csv --epsilon 1 --anneal --newton fast",
        "--newton fast: none of direct, iterative and none",
    ),
    ("--cost C.csv --epsilon 1 --quick", "--quick: unknown option"),
];

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn solve_refuses_by_place_and_writes_nothing() {
    let folder = zoo("zoo");
    let before = names(&folder);
    for (line, message) in REFUSALS {
        let args: Vec<&str> = OUTPUTS.into_iter().chain(line.split(' ')).collect();
        let ran = solve(&folder, &args).expect(2);
        assert!(ran.err.contains(message), "{line}: {}", ran.err);
        assert_eq!((ran.out.as_str(), ran.err.lines().count()), ("", 1), "{line}: {}", ran.err);
        assert_eq!(names(&folder), before, "{line}");
        assert_eq!(fs::read(folder.join("plan.csv")).unwrap(), b"as it was", "{line}");
    }
}

#[test]
fn solve_writes_all_files_or_none() {
    let folder = zoo("outputs");
    let before = names(&folder);
    let problem = ["--cost", "C.csv", "--epsilon", "1", "--plan", "plan.csv", "--report"];
    let mut bad = vec!["no/such/report.json", "."];
    if Path::new("/dev/full").exists() {
        bad.push("/dev/full");
    }
    for report in bad {
        let ran = solve(&folder, &[&problem[..], &[report]].concat()).expect(2);
        assert!(ran.err.contains(report), "{}", ran.err);
        assert_eq!(names(&folder), before);
        assert_eq!(fs::read(folder.join("plan.csv")).unwrap(), b"as it was");
    }
    solve(&folder, &[&problem[..], &["report.json"]].concat()).expect(0);
    assert_eq!(read_csv(&folder.join("plan.csv")).concat().len(), 4);
}

#[test]
fn solve_says_how_it_ended() {
    let folder = zoo("endings");
    let problem = ["--cost", "C.csv", "--b", "uneven.csv", "--epsilon", "0.1", "--rows", "kl:1"];
    let run = |more: &[&str]| solve(&folder, &[&problem[..], &OUTPUTS, more].concat());

    // Silent where nobody watches.
    let ran = run(&[]).expect(0);
    assert_eq!(ran.err, "");
    assert!(ran.out.starts_with("converged;"), "{}", ran.out);

    let ran = run(&["--max-iterations", "1", "--stop", "residual:1e-15"]).expect(1);
    assert!(ran.err.contains("not converged: the limit of iterations"), "{}", ran.err);
    let report = read_json(&folder.join("report.json"));
    assert_eq!(report["termination"], "IterationLimit");
    assert_eq!(report["converged"], false);

    // No plan without entropy can be named closer than the entropy allows.
    let advised = |ran: &Ran| {
        let advice = ran.err.split("--epsilon ").nth(1).expect(&ran.err);
        advice.split(' ').next().unwrap().to_owned()
    };
    let target = ["--stop", "certified:0.01"];
    let late = run(&[&target[..], &["--epsilon", "0.5"]].concat()).expect(1);
    assert_eq!(read_json(&folder.join("report.json"))["termination"], "OutOfReach");
    let early = run(&[&target[..], &["--epsilon", "5"]].concat()).expect(2);
    assert!(early.err.contains("no run at this epsilon"), "{}", early.err);
    assert_eq!(advised(&late), advised(&early));
    run(&[&target[..], &["--epsilon", &advised(&late)]].concat()).expect(0);
    assert!(read_json(&folder.join("report.json"))["certified_distance"].as_f64().unwrap() <= 0.01);

    // Two exact sides have no certificate: infinite, which JSON does not know.
    let balanced = ["--cost", "C.csv", "--epsilon", "0.1", "--report", "report.json"];
    solve(&folder, &balanced).expect(0);
    assert!(read_json(&folder.join("report.json"))["certified_distance"].is_null());

    let help = solve(&folder, &["--help"]).expect(0);
    assert!(help.out.contains("--points") && help.out.contains("Example:"), "{}", help.out);
}

/// The lines of the usage's example are what they say.
#[test]
fn the_example_of_the_usage_runs() {
    let folder = folder("usage");
    let help = solve(&folder, &["--help"]).expect(0).out;
    let example = help.split("Example:").nth(1).unwrap();
    let lines: Vec<&str> = example.lines().skip(1).map(str::trim).collect();
    let program = build().join("solve").display().to_string();
    let script = lines.join("\n").replace("\nsolve ", &format!("\n'{program}' "));
    Ran::of(Command::new("sh").current_dir(&folder).args(["-ec", &script])).expect(0);
    let plan = read_csv(&folder.join("plan.csv"));
    for (row, a) in plan.iter().zip([0.5, 0.3, 0.2]) {
        assert!((row.iter().sum::<f64>() - a).abs() < 1e-8);
    }
}

#[test]
fn a_terminal_sees_a_bar() {
    let Some(script) = tool(&["script"]) else { return };
    let data = root().join("c-examples/data");
    let points = format!("{0}/coffee_pixels.csv {0}/shuttle_pixels.csv", data.display());
    // Slow enough for a bar.
    let limit = "--sweep log --stop residual:1e-15 --max-iterations 20000";
    let line =
        format!("'{}' --points {points} --epsilon 0.0002 {limit}", build().join("solve").display());
    let typescript = folder("bar").join("typescript");
    let ran = Ran::of(Command::new(script).args(["-qec", &line]).arg(&typescript)).expect(1);
    let seen = fs::read_to_string(typescript).unwrap();
    assert!(seen.contains("] ") && seen.contains("iteration "), "{seen} {}", ran.out);
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ ((crc & 1) * 0xedb8_8320))
    })
}

/// Width, height and pixels of an 8-bit RGB PNG whose rows are stored and not filtered.
fn decode_png(file: &[u8]) -> (usize, usize, Vec<u8>) {
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap()) as usize;
    let mut rest = file.strip_prefix(b"\x89PNG\r\n\x1a\n").expect("signature");
    let (mut head, mut zlib, mut types) = (vec![], vec![], vec![]);
    while !rest.is_empty() {
        let length = number(&rest[..4]);
        let (chunk, after) = rest[4..].split_at(4 + length);
        assert_eq!(number(&after[..4]), crc32(chunk) as usize, "CRC");
        match &chunk[..4] {
            b"IHDR" => head = chunk[4..].to_vec(),
            b"IDAT" => zlib.extend_from_slice(&chunk[4..]),
            _ => {}
        }
        types.push(chunk[..4].to_vec());
        rest = &after[4..];
    }
    assert_eq!(types.concat(), b"IHDRIDATIEND");
    assert_eq!(head[8..], [8, 2, 0, 0, 0]);
    assert_eq!((usize::from(zlib[0]) * 256 + usize::from(zlib[1])) % 31, 0, "zlib header");
    let (mut blocks, sum) = zlib[2..].split_at(zlib.len() - 6);
    let mut raw = vec![];
    loop {
        let short = |k: usize| u16::from_le_bytes([blocks[k], blocks[k + 1]]);
        let (last, length) = (blocks[0], short(1));
        assert_eq!(length, !short(3), "length of a stored block");
        let (data, after) = blocks[5..].split_at(usize::from(length));
        raw.extend_from_slice(data);
        blocks = after;
        if last == 1 {
            break;
        }
        assert_eq!(last, 0);
    }
    assert!(blocks.is_empty());
    let (low, high) = raw.iter().fold((1_u32, 0_u32), |(low, high), &byte| {
        let low = (low + u32::from(byte)) % 65521;
        (low, (high + low) % 65521)
    });
    assert_eq!(number(sum), (high << 16 | low) as usize, "Adler-32");
    let (width, height) = (number(&head[..4]), number(&head[4..8]));
    assert_eq!(raw.len(), height * (1 + 3 * width));
    let rows = raw.chunks(1 + 3 * width).flat_map(|row| {
        assert_eq!(row[0], 0, "filter");
        row[1..].to_vec()
    });
    (width, height, rows.collect())
}

#[test]
fn color_transfer_withstands_the_outlier() {
    let data = root().join("c-examples/data");
    let picture = folder("color_transfer").join("sheet.png");
    let mut program = Command::new(build().join("color_transfer"));
    program.arg(data.join("shuttle.ppm")).arg(data.join("coffee.ppm")).arg(&picture);
    let ran = Ran::of(&mut program).expect(0);
    assert_eq!(ran.err, "");
    let figures = |name: &str| -> Vec<f64> {
        let line = ran.out.lines().find(|line| line.starts_with(name)).expect(&ran.out);
        let words = line.split_whitespace();
        words.filter_map(|word| word.parse().ok()).collect()
    };
    let (balanced, robust, ratio) =
        (figures("balanced"), figures("robust  "), figures("robust / balanced"));
    assert!((balanced[0] - 6.25).abs() < 0.01, "the balanced plan has to fill the square");
    for k in 0..2 {
        assert!(robust[k] <= balanced[k] / 5.0 && ratio[k] <= 0.2, "{}", ran.out);
        assert!((robust[k] / balanced[k] - ratio[k]).abs() < 1e-3, "{}", ran.out);
    }

    let (width, height, pixels) = decode_png(&fs::read(&picture).unwrap());
    assert_eq!((width, height), (4 * 192 + 5 * 8, 192 + 2 * 8));
    let ppm = fs::read(data.join("shuttle.ppm")).unwrap();
    let source = &ppm[ppm.len() - 3 * 96 * 96..];
    let green = |panel: usize| {
        let left = 8 + panel * 200;
        let inside = |k: &usize| (left..left + 192).contains(&(k % width));
        let is_green = |p: &[u8]| p[1] > 150 && p[0] < 80 && p[2] < 80;
        (0..width * height).filter(inside).filter(|k| is_green(&pixels[3 * k..][..3])).count()
    };
    for y in 0..192 {
        for x in 0..192 {
            let (shown, kept) = (3 * ((y + 8) * width + x + 8), 3 * (y / 2 * 96 + x / 2));
            assert_eq!(pixels[shown..shown + 3], source[kept..kept + 3], "source at {x}, {y}");
        }
    }
    assert_eq!((green(0), green(1)), (0, 48 * 48));
    assert!(green(2) > 500 && green(3) < green(2) / 5, "{} {}", green(2), green(3));
}

#[test]
fn digits_keep_their_shape() {
    let data = root().join("c-examples/data/digits.csv");
    let picture = folder("digits").join("sheet.png");
    let ran = Ran::of(Command::new(build().join("digits")).arg(&data).arg(&picture)).expect(0);
    assert_eq!(ran.err, "");
    let rows = ran.out.lines().filter(|line| line.trim_start().starts_with(char::is_numeric));
    let rows: Vec<Vec<f64>> = rows.map(|line| numbers(line, ' ')).collect();
    assert_eq!(rows.len(), 4, "{}", ran.out);
    for row in &rows {
        let [_, exact, robust, ratio] = row[..] else { panic!("{row:?}") };
        // The spoilt images are seen by both, and by the robust barycenter clearly less.
        assert!(exact > 0.15 && robust > 0.01 && robust <= 0.7 * exact, "{}", ran.out);
        assert!((robust / exact - ratio).abs() < 0.01, "{}", ran.out);
    }

    let (width, height, pixels) = decode_png(&fs::read(&picture).unwrap());
    assert_eq!((width, height), (8 + 7 * 72 + 2 * 16, 8 + 4 * 72));
    // The first tile is the third image, paper white and its most ink black.
    let table = fs::read_to_string(&data).unwrap();
    let image = numbers(table.lines().filter(|line| !line.starts_with('#')).nth(2).unwrap(), ',');
    for (k, ink) in image[1..].iter().enumerate() {
        let (x, y) = (8 + k % 8 * 8 + 4, 8 + k / 8 * 8 + 4);
        let shown = f64::from(pixels[3 * (y * width + x)]);
        let most = image[1..].iter().fold(0.0, |m: f64, &x| m.max(x));
        let expected = 255.0 - (255.0 * (ink / most).sqrt()).floor();
        assert!((shown - expected).abs() <= 1.0, "pixel {k}: {shown} {expected}");
    }
}

#[test]
fn shapes_leave_the_salt_out() {
    let picture = folder("shapes").join("sheet.png");
    let ran = Ran::of(Command::new(build().join("shapes")).arg(&picture)).expect(0);
    assert_eq!(ran.err, "");
    let figure = |name: &str| -> f64 {
        let line = ran.out.lines().find(|line| line.starts_with(name)).expect(&ran.out);
        line.split_whitespace().next_back().unwrap().parse().unwrap()
    };
    let (exact, robust) = (figure("exact"), figure("KL"));
    // Salt is 15 % of one of two images.
    assert!(exact > 0.05 && exact < 0.15 && robust < 0.2 * exact, "{}", ran.out);
    let (width, height, pixels) = decode_png(&fs::read(&picture).unwrap());
    assert_eq!((width, height), (8 + 5 * 136, 8 + 3 * 136));
    // The first and the last tile of each strip are the shapes: black in the middle, white around it.
    for top in [8, 144, 280] {
        for left in [8, 8 + 4 * 136] {
            let shown = |x: usize, y: usize| pixels[3 * ((top + y) * width + left + x)];
            assert!(shown(64, 62) < 200 && shown(100, 100) == 255 && shown(20, 30) == 255);
        }
    }
    Ran::of(&mut Command::new(build().join("shapes"))).expect(2);
}

#[test]
fn digits_refuse_another_table() {
    let folder = folder("digits_refused");
    let data = fs::read_to_string(root().join("c-examples/data/digits.csv")).unwrap();
    let lines: Vec<&str> = data.lines().collect();
    let short = lines[..lines.len() - 1].join("\n");
    let swapped = [&lines[..1], &lines[11..], &lines[1..11]].concat().join("\n");
    let negative = data.replacen("0,0,0,5,", "0,0,0,-5,", 1);
    for (name, text) in [("short", short), ("swapped", swapped), ("negative", negative)] {
        assert_ne!(text, data);
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        let out = folder.join("out.png");
        let ran = Ran::of(Command::new(build().join("digits")).arg(&path).arg(&out)).expect(2);
        assert!(ran.err.contains("image"), "{}", ran.err);
        assert!(!out.exists());
    }
    Ran::of(&mut Command::new(build().join("digits"))).expect(2);
}

#[test]
fn color_transfer_refuses_what_is_no_picture() {
    let folder = zoo("pictures");
    let program = build().join("color_transfer");
    let coffee = root().join("c-examples/data/coffee.ppm");
    let bytes = fs::read(&coffee).unwrap();
    fs::write(folder.join("cut.ppm"), &bytes[..bytes.len() - 1]).unwrap();
    fs::write(folder.join("tiny.ppm"), b"P6 1 1 255\nabc").unwrap();
    fs::write(folder.join("vast.ppm"), b"P6 99999999999999999999 1 255\n").unwrap();
    for (source, message) in [
        ("C.csv", "C.csv: not a binary PPM"),
        ("none.ppm", "none.ppm: cannot be opened"),
        ("cut.ppm", "cut.ppm: the file ends before"),
        ("tiny.ppm", "tiny.ppm: too small"),
        ("vast.ppm", "vast.ppm: a side of the picture"),
    ] {
        let mut program = Command::new(&program);
        program.current_dir(&folder).arg(source).arg(&coffee).arg("out.png");
        let ran = Ran::of(&mut program).expect(2);
        assert!(ran.err.contains(message), "{}", ran.err);
        assert!(!folder.join("out.png").exists());
    }
}

/// The medians of a line of a table of errors, without the quartiles behind them.
fn medians(table: &str, name: &str) -> Vec<f64> {
    let line = table.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("  "));
    let line = line.unwrap_or_else(|| panic!("{name}\n{table}"));
    let outside = line.split('(').map(|part| part.split_once(')').map_or(part, |(_, rest)| rest));
    outside.flat_map(|part| part.split_whitespace()).filter_map(|word| word.parse().ok()).collect()
}

fn runs_clean(command: &mut Command) -> String {
    let ran = Ran::of(command).expect(0);
    assert_eq!(ran.err, "");
    ran.out
}

/// The bounds are promises; the figures in the comments were measured.
#[test]
fn unlabeled_sensing_comes_close_to_the_oracle() {
    let picture = folder("unlabeled_sensing").join("errors.png");
    let program = || Command::new(build().join("unlabeled_sensing"));
    let bound = 1.5;
    for share in ["0.25", "0.5"] {
        let out =
            runs_clean(program().args(["--quick", "--shuffled", share, "--picture"]).arg(&picture));
        assert!(out.contains(" 0 not converged"), "{out}");
        let (shuffled, robot) =
            (medians(&out, "least squares as paired"), medians(&out, "RANSAC + ROBOT"));
        for law in [0, 2] {
            // 1.08 to 1.40, where least squares has 7 to 24.
            assert!(robot[law] <= bound && shuffled[law] > 3.0 * bound, "{out}");
        }
    }
    let (width, height, _) = decode_png(&fs::read(&picture).unwrap());
    assert_eq!((width, height), (640, 30 + 10 * 24 + 26));

    let out = runs_clean(program().args(["--quick", "--seeds", "3", "--outliers", "0.1"]));
    let (balanced, robust) =
        (medians(&out, "RANSAC + ROBOT"), medians(&out, "RANSAC + ROBOT, robust"));
    for law in [1, 3] {
        // 1.8 against 0.07.
        assert!(balanced[law] >= 5.0 * robust[law], "{out}");
    }
}

#[test]
fn two_platforms_finds_what_the_labels_lost() {
    let picture = folder("two_platforms").join("errors.png");
    let mut program = Command::new(build().join("two_platforms"));
    program.arg(root().join("c-examples/data/diabetes.csv"));
    let out = runs_clean(program.args(["--quick", "--picture"]).arg(&picture));
    assert!(out.contains(" 0 failed"), "{out}");
    for (model, share) in [("linear", 0.5), ("with sines", 0.6)] {
        let of = |method: &str| medians(&out, &format!("{method}, {model}"));
        let (oracle, paired) = (of("oracle (all rows match)"), of("least squares as paired"));
        let (robot, robust) = (of("... + ROBOT"), of("... + ROBOT, robust"));
        assert!(oracle[0] < 0.05 && robot[0] <= share * paired[0], "{out}");
        // Its only number is that of the slipped totals.
        assert!(robust[0] <= 0.8 * paired[1] && robust[0] <= robot[1] / 5.0, "{out}");
    }
    decode_png(&fs::read(&picture).unwrap());
}

#[test]
fn the_regressions_refuse_what_they_do_not_know() {
    let folder = zoo("regressions");
    let refuses = |program: &str, args: &[&str], message: &str| {
        let mut program = Command::new(build().join(program));
        let ran = Ran::of(program.current_dir(&folder).args(args)).expect(2);
        assert!(ran.err.contains(message) && ran.out.is_empty(), "{}", ran.err);
    };
    refuses("unlabeled_sensing", &["--shuffled", "2"], "--shuffled: needs a number from 0 to 1");
    refuses("unlabeled_sensing", &["--seeds"], "--seeds: needs a number");
    refuses("unlabeled_sensing", &["--slow"], "unlabeled_sensing [options]");
    refuses("two_platforms", &[], "two_platforms data/diabetes.csv");
    refuses("two_platforms", &["word.csv"], "word.csv:2:2: \"x\" is not a number");
    refuses("two_platforms", &["C.csv"], "C.csv: needs 10 columns");
    refuses("two_platforms", &["C.csv", "--epsilon", "nan"], "--epsilon: needs a number");
}

#[test]
fn robust_figures_print_what_balls_leave_out() {
    let folder = folder("robust_figures");
    let ran = Ran::of(Command::new(build().join("robust_figures")).arg(&folder)).expect(0);
    assert_eq!(ran.err, "");
    let table = |start: &str, end: &str| -> Vec<Vec<f64>> {
        let lines = ran.out.lines().skip_while(|line| !line.starts_with(start));
        let rows = lines.take_while(|line| !line.starts_with(end));
        let numbers = |line: &str| line.split_whitespace().filter_map(|x| x.parse().ok()).collect();
        rows.skip(1).map(numbers).collect()
    };
    // Weight of the outliers, largest over smallest weight of the rest, mass moved among targets.
    let nine = table("budget", "Outlier weight");
    let [l2_full, kl_full, l2_half, kl_half] = &nine[..] else { panic!("{}", ran.out) };
    for (row, outliers) in [(l2_full, 0.0), (kl_full, 0.0), (l2_half, 0.35), (kl_half, 0.23)] {
        assert!((row[0] - outliers).abs() <= 0.01, "{row:?}\n{}", ran.out);
    }
    for (l2, kl) in [(l2_full, kl_full), (l2_half, kl_half)] {
        assert!(l2[1] < kl[1] && kl[1] < 1.1 && l2[2] < kl[2], "{}", ran.out);
    }
    // Mass at x > 1 in balls of the norm (0, 0.1, 0.2) and of its square (0.1, 0.2).
    let ten = table("Mass at x > 1", "The paper's caption");
    let known = [(20.0, [0.50, 0.33, 0.08], 0.005), (50.0, [0.50, 0.21, 0.009], 0.003)];
    assert_eq!(ten.len(), known.len());
    for (row, (n, masses, tolerance)) in ten.iter().zip(known) {
        assert_eq!((row[0], row.len()), (n, 6));
        for (found, mass) in row[1..].iter().zip(masses) {
            assert!((found - mass).abs() <= tolerance, "{found} against {mass}\n{}", ran.out);
        }
        assert!(row[4] <= 0.011 && row[4] == row[5], "{}", ran.out);
    }
    for (name, shape) in [("figure9.png", (1050, 270)), ("figure10.png", (1310, 270))] {
        let (width, height, pixels) = decode_png(&fs::read(folder.join(name)).unwrap());
        assert_eq!((width, height), shape);
        let outliers = pixels.chunks(3).filter(|pixel| **pixel == [205, 60, 50]).count();
        assert!(outliers > 1000, "{name}: {outliers}");
    }
}

#[test]
fn robust_figures_need_a_folder() {
    let mut program = Command::new(build().join("robust_figures"));
    let ran = Ran::of(program.arg(folder("no_figures").join("nowhere"))).expect(2);
    assert!(ran.err.contains("figure9.png: cannot be written"), "{}", ran.err);
    Ran::of(&mut Command::new(build().join("robust_figures"))).expect(2);
}

#[test]
fn pkg_config_finds_the_library() {
    let Some(pkg_config) = tool(&["pkg-config"]) else { return };
    let query = |args: &[&str]| {
        let mut command = Command::new(pkg_config);
        command.env("PKG_CONFIG_PATH", build()).args(args).arg("robust_ot");
        Ran::of(&mut command).expect(0).out
    };
    assert_eq!(query(&["--modversion"]).trim(), env!("CARGO_PKG_VERSION"));
    let flags = query(&["--cflags", "--libs"]);
    let program = folder("pkg-config").join("quickstart");
    let mut cc = Command::new("cc");
    cc.args(C_FLAGS).arg("-o").arg(&program).arg(root().join("c-examples/quickstart.c"));
    Ran::of(cc.args(flags.split_whitespace())).expect(0);
    // Against the shared library, which was found by its soname.
    let mut program = Command::new(program);
    for variable in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
        program.env(variable, build());
    }
    let shared = Ran::of(&mut program).expect(0).out;
    let own = Ran::of(&mut Command::new(build().join("quickstart"))).expect(0).out;
    assert_eq!(shared, own);
}

/// Good and every so many-th bad input for a program that is watched.
fn watched_runs(folder: &Path, every: usize, solve: impl Fn() -> Command) {
    let good = [
        "--cost C.csv --epsilon 0.1 --rows kl:1 --stop certified:0.1 --rounded",
        "--points C.csv C.csv --epsilon 0.1 --cols kl:1 --rows kl:1 --robust --f32",
    ];
    let runs =
        good.iter().map(|line| (*line, 0)).chain(REFUSALS.iter().step_by(every).map(|r| (r.0, 2)));
    for (line, code) in runs {
        let mut solve = solve();
        solve.current_dir(folder).args(OUTPUTS).args(line.split(' '));
        Ran::of(&mut solve).expect(code);
    }
}

#[test]
fn valgrind_has_no_complaint() {
    let Some(valgrind) = tool(&["valgrind"]) else { return };
    let watched = |program: &str| {
        let mut command = Command::new(valgrind);
        command.args(["-q", "--error-exitcode=99", "--leak-check=full"]);
        command.arg("--errors-for-leak-kinds=all").arg(build().join(program));
        command
    };
    Ran::of(&mut watched("quickstart")).expect(0);
    watched_runs(&zoo("valgrind"), 4, || watched("solve"));
}

/// The sources of `solve`, as the Makefile names them.
fn sources_of_solve() -> Vec<PathBuf> {
    let makefile = fs::read_to_string(root().join("c-examples/Makefile")).unwrap();
    let line = makefile.lines().find_map(|line| line.strip_prefix("SOLVE := ")).unwrap();
    line.split(' ').map(|name| root().join("c-examples").join(name)).collect()
}

#[test]
fn sanitizers_have_no_complaint() {
    const SANITIZE: &str = "-fsanitize=address,undefined";
    let folder = zoo("sanitizers");
    let empty = folder.join("empty.c");
    fs::write(&empty, "int main(void)\n{\n    return 0;\n}\n").unwrap();
    let mut probe = Command::new("cc");
    probe.arg(SANITIZE).arg(&empty).arg("-o").arg(folder.join("empty"));
    if Ran::of(&mut probe).code != 0 {
        not_run(&format!("cc {SANITIZE}: not known to this compiler"));
        return;
    }
    let program = folder.join("solve");
    let mut cc = Command::new("cc");
    cc.args(C_FLAGS).args([SANITIZE, "-fno-sanitize-recover=all", "-g"]);
    cc.arg(format!("-I{}", root().join("include").display())).args(sources_of_solve());
    cc.arg(build().join("librobust_ot.a")).args(["-lm", "-o"]).arg(&program);
    Ran::of(&mut cc).expect(0);
    watched_runs(&folder, 1, || {
        let mut solve = Command::new(&program);
        // Not 1 or 2, which are answers of the program.
        solve.env("ASAN_OPTIONS", "exitcode=99").env("UBSAN_OPTIONS", "exitcode=99");
        solve
    });
}

/// Compiles a program in C99 and in C++11 against the static library and runs both.
fn compile_and_run(name: &str, program: &str) -> Vec<String> {
    let folder = folder(name);
    let source = folder.join("program.c");
    fs::write(&source, program).unwrap();
    let include = format!("-I{}", root().join("include").display());
    let mut languages = vec![("cc", "c", "-std=c99"), ("cc", "c", "-std=c11")];
    languages.extend(tool(&["c++"]).map(|compiler| (compiler, "c++", "-std=c++11")));
    let run = |(compiler, language, standard): &(&str, &str, &str)| {
        let binary = folder.join("program");
        let mut command = Command::new(compiler);
        command.args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-ffp-contract=off", standard]);
        command.args([&include, "-x", language]).arg(&source).args(["-x", "none"]);
        command.arg(build().join("librobust_ot.a")).args(["-lm", "-o"]).arg(&binary);
        Ran::of(&mut command).expect(0);
        Ran::of(&mut Command::new(binary)).expect(0).out
    };
    languages.iter().map(run).collect()
}

#[test]
fn the_header_stands_alone() {
    let program = "#include <robust_ot.h>\n\nint main(void)\n{\n    return 0;\n}\n";
    compile_and_run("header", program);
}

#[test]
fn the_program_in_the_header_runs() {
    let preface = include_str!("fixtures/header/preface.h");
    let after = preface.split(" * A WHOLE PROGRAM\n").nth(1).unwrap();
    let snippet = after.split(" * CONVENTIONS\n").next().unwrap();
    let lines = snippet.lines().map(|line| line.strip_prefix(" *   ").unwrap_or(""));
    let program = lines.collect::<Vec<_>>().join("\n");
    assert!(program.contains("int main(void)"));
    for out in compile_and_run("snippet", &program) {
        assert!(out.starts_with("converged: "), "{out}");
    }
}

#[test]
fn the_programs_in_the_readme_run() {
    let Ok(readme) = fs::read_to_string(root().join("README.md")) else { return };
    let blocks = readme.split("```c\n").skip(1).filter_map(|block| block.split("```").next());
    for (k, program) in blocks.filter(|block| block.contains("int main")).enumerate() {
        compile_and_run(&format!("readme-{k}"), program);
    }
}
