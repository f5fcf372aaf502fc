//! Every refusal: its kind, argument, place and measure, with nothing written but work.

use robust_ot::barycenter::{Measure, Options, Problem, check, half_step, solve, work_len};
use robust_ot::cost::{Dense, Geometry, Metric, Points};
use robust_ot::error::{Argument, Error, ErrorKind};
use robust_ot::kernel::Level;
use robust_ot::marginal::Rule;
use robust_ot::options::{self, Stop};
use robust_ot::view::Mat;

use super::common::barycenter::Task;

const KL: Rule<f64> = Rule::Kl { tau: 0.5 };
const NOWHERE: u64 = Error::NOWHERE;
const CANARY: f64 = -7.25;
const BAD_SCALARS: [f64; 6] = [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

fn options(solve: options::Options<f64>) -> Options<f64> {
    Options::new().solve(solve)
}

fn defaults() -> options::Options<f64> {
    options::Options::new()
}

/// Places: row, column, measure.
fn error(kind: ErrorKind, argument: Argument, places: [u64; 3]) -> (ErrorKind, Argument, [u64; 3]) {
    (kind, argument, places)
}

fn parts(e: Error) -> (ErrorKind, Argument, [u64; 3]) {
    (e.kind, e.argument, [e.row, e.col, e.measure])
}

fn of_measure(kind: ErrorKind, argument: Argument, i: u64) -> (ErrorKind, Argument, [u64; 3]) {
    error(kind, argument, [NOWHERE, NOWHERE, i])
}

fn plain(kind: ErrorKind, argument: Argument) -> (ErrorKind, Argument, [u64; 3]) {
    error(kind, argument, [NOWHERE; 3])
}

/// The same refusal by `check` and `solve`, outputs as they were.
fn refusal_of<G: Geometry<f64>>(
    problem: &Problem<'_, f64, G>,
    options: &Options<f64>,
    start: [f64; 2],
    [rows, cols, support, work]: [usize; 4],
) -> (ErrorKind, Argument, [u64; 3]) {
    let (mut f, mut g) = (vec![CANARY; rows], vec![CANARY; cols]);
    // The last entries are looked at, too.
    if let Some(f) = f.last_mut() {
        *f = start[0];
    }
    if let Some(g) = g.last_mut() {
        *g = start[1];
    }
    let (mut q, mut work) = (vec![CANARY; support], vec![f64::NAN; work]);
    let bits = |v: &[f64]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let before = (bits(&f), bits(&g), bits(&q));
    let checked = check(problem, options, &f, &g, &q, &mut work).unwrap_err();
    let solved = solve(problem, options, &mut f, &mut g, &mut q, &mut work, &mut ()).unwrap_err();
    assert_eq!(checked, solved);
    assert!(before == (bits(&f), bits(&g), bits(&q)), "{solved}");
    parts(solved)
}

fn lens<G: Geometry<f64>>(problem: &Problem<'_, f64, G>) -> [usize; 4] {
    let (rows, n) = (problem.rows(), problem.support());
    [rows, problem.cols(), n, work_len(rows, n, problem.dimension())]
}

fn refusal_with(task: &Task<f64>, options: &Options<f64>) -> (ErrorKind, Argument, [u64; 3]) {
    let measures = task.dense();
    match Problem::new(&measures, task.epsilon) {
        Ok(problem) => refusal_of(&problem, options, [CANARY; 2], lens(&problem)),
        Err(e) => parts(e),
    }
}

fn refusal(task: &Task<f64>) -> (ErrorKind, Argument, [u64; 3]) {
    refusal_with(task, &Options::new())
}

/// Three measures under every kind of rules.
fn tasks() -> Vec<Task<f64>> {
    let mixtures = [[KL; 3], [Rule::Exact; 3], [KL, Rule::Exact, Rule::Exact]];
    mixtures.iter().map(|rules| Task::random(1, 5, 0.1, rules)).collect()
}

/// The made error of a problem that cannot be.
fn unmade(task: &Task<f64>) -> (ErrorKind, Argument, [u64; 3]) {
    let measures = task.dense();
    parts(Problem::<f64, _>::new(&measures, task.epsilon).unwrap_err())
}

#[test]
fn problems() {
    let none: [Measure<'_, f64, Dense<'_, f64>>; 0] = [];
    let e = Problem::<f64, _>::new(&none, 0.1).unwrap_err();
    assert_eq!(parts(e), plain(ErrorKind::Empty, Argument::Measures));
    let (cost, weights) = ([0.5; 12], [0.25; 4]);
    let measure = |n, m, len: usize| {
        let geometry = Dense::new(Mat::new(&cost, n, m).unwrap());
        Measure { geometry, weights: &weights[..len], rule: KL, share: 1.0 }
    };
    let made = |second| {
        let measures = [measure(4, 3, 4), second];
        Problem::<f64, _>::new(&measures, 0.1).map(|_| ()).map_err(parts)
    };
    assert_eq!(made(measure(2, 3, 2)), Ok(()));
    for (second, kind, argument) in [
        (measure(0, 3, 0), ErrorKind::Empty, Argument::Cost),
        (measure(4, 0, 4), ErrorKind::Empty, Argument::Cost),
        (measure(4, 3, 3), ErrorKind::Shape, Argument::RowWeights),
        (measure(3, 3, 4), ErrorKind::Shape, Argument::RowWeights),
        (measure(4, 2, 4), ErrorKind::Shape, Argument::Cost),
    ] {
        assert_eq!(made(second), Err(of_measure(kind, argument, 1)));
    }
    for task in tasks() {
        for epsilon in BAD_SCALARS.into_iter().chain([f64::from_bits(1)]) {
            let task = Task { epsilon, ..task.clone() };
            assert_eq!(unmade(&task), plain(ErrorKind::Epsilon, Argument::Epsilon));
        }
        for i in 0..3 {
            let with = |change: &dyn Fn(&mut Task<f64>)| {
                let mut task = task.clone();
                change(&mut task);
                unmade(&task)
            };
            let at = i as u64;
            for tau in BAD_SCALARS.into_iter().chain([f64::from_bits(1)]) {
                let found = with(&|t| t.measures[i].rule = Rule::Kl { tau });
                assert_eq!(found, of_measure(ErrorKind::Tau, Argument::RowRule, at));
            }
            for rule in [
                Rule::L2Ball { radius2: 0.1, entropy: 0.1 },
                Rule::KlBall { radius: 0.1, entropy: 0.1 },
                Rule::Tv { tau: 0.1 },
                Rule::Box { lower: 0.5, upper: 2.0 },
            ] {
                let found = with(&|t| t.measures[i].rule = rule);
                assert_eq!(found, of_measure(ErrorKind::BarycenterRule, Argument::RowRule, at));
            }
            for (share, kind) in [
                (f64::NAN, ErrorKind::NotANumber),
                (-1.0, ErrorKind::Negative),
                (-f64::from_bits(1), ErrorKind::Negative),
                (f64::NEG_INFINITY, ErrorKind::Negative),
                (f64::INFINITY, ErrorKind::Infinite),
            ] {
                let found = with(&|t| t.measures[i].share = share);
                assert_eq!(found, of_measure(kind, Argument::Share, at));
            }
        }
        for (share, kind) in [(0.0, ErrorKind::ZeroMass), (f64::MAX, ErrorKind::Infinite)] {
            let mut task = task.clone();
            task.measures.iter_mut().for_each(|m| m.share = share);
            let expected = if kind == ErrorKind::ZeroMass && task.measures[2].rule == Rule::Exact {
                // No exact measure has a share, and so nothing fixes their mass.
                let first = task.measures.iter().position(|m| m.rule == Rule::Exact).unwrap();
                of_measure(ErrorKind::MassMismatch, Argument::Share, first as u64)
            } else {
                plain(kind, Argument::Share)
            };
            assert_eq!(unmade(&task), expected);
        }
    }
    // An exact measure of share 0 needs another to say the mass.
    let mut task = Task::random(1, 5, 0.1, &[KL, Rule::Exact, KL]);
    task.measures[1].share = 0.0;
    assert_eq!(unmade(&task), of_measure(ErrorKind::MassMismatch, Argument::Share, 1));
}

#[test]
fn weights_and_masses() {
    for task in tasks() {
        for i in 0..3 {
            let places = |l: usize| [l as u64, NOWHERE, i as u64];
            for (value, kind) in [
                (f64::NAN, ErrorKind::NotANumber),
                (-1.0, ErrorKind::Negative),
                (-f64::MIN_POSITIVE, ErrorKind::Negative),
                (f64::INFINITY, ErrorKind::Infinite),
            ] {
                for l in 0..task.measures[i].weights.len() {
                    let mut task = task.clone();
                    task.measures[i].weights[l] = value;
                    let found = refusal(&task);
                    assert_eq!(found, error(kind, Argument::RowWeights, places(l)));
                }
            }
            for (value, kind) in [(0.0, ErrorKind::ZeroMass), (f64::MAX, ErrorKind::Infinite)] {
                let mut task = task.clone();
                task.measures[i].weights.fill(value);
                let found = refusal(&task);
                assert_eq!(found, of_measure(kind, Argument::RowWeights, i as u64));
            }
            // Exact masses agree, up to rounding that is scaled away; others are free.
            for (factor, refused) in [(1.0 + 1e-6, true), (0.5, true), (1.0 + 1e-9, false)] {
                let mut task = task.clone();
                task.measures[i].weights.iter_mut().for_each(|w| *w *= factor);
                let exact: Vec<usize> =
                    (0..3).filter(|&i| task.measures[i].rule == Rule::Exact).collect();
                if refused && exact.contains(&i) {
                    // The first sets the mass.
                    let bad = if i == exact[0] { exact[1] } else { i };
                    let found = refusal(&task);
                    assert_eq!(
                        found,
                        of_measure(ErrorKind::MassMismatch, Argument::RowWeights, bad as u64)
                    );
                } else {
                    assert!(task.solve(&Options::new()).report.converged());
                }
            }
        }
    }
}

#[test]
fn costs_and_partners() {
    for task in tasks() {
        for i in 0..3 {
            for (value, kind) in
                [(f64::NAN, ErrorKind::NotANumber), (f64::NEG_INFINITY, ErrorKind::Infinite)]
            {
                for k in 0..task.measures[i].cost.len() {
                    let mut task = task.clone();
                    task.measures[i].cost[k] = value;
                    let places = [(k / 5) as u64, (k % 5) as u64, i as u64];
                    assert_eq!(refusal(&task), error(kind, Argument::Cost, places));
                }
            }
            for l in 0..task.measures[i].weights.len() {
                let mut task = task.clone();
                task.measures[i].cost[5 * l..][..5].fill(f64::INFINITY);
                let places = [l as u64, NOWHERE, i as u64];
                let expected = error(ErrorKind::NoPartner, Argument::RowWeights, places);
                assert_eq!(refusal(&task), expected);
                // Only a bin that another measure cannot reach.
                task.measures[i].cost[5 * l + 3] = 0.5;
                let mut shut = task.clone();
                let other = (i + 1) % 3;
                shut.measures[other]
                    .cost
                    .iter_mut()
                    .skip(3)
                    .step_by(5)
                    .for_each(|c| *c = f64::INFINITY);
                assert_eq!(refusal(&shut), expected);
                assert!(task.solve(&Options::new()).report.converged());
                // No need of one without weight.
                if task.measures[i].rule == KL {
                    shut.measures[i].weights[l] = 0.0;
                    assert!(shut.solve(&Options::new()).report.converged());
                }
            }
        }
        // cost / epsilon overflows.
        let mut huge = task.clone();
        huge.measures[1].cost[2] = f64::MAX / 8.0;
        huge.epsilon = 1e-3;
        assert_eq!(refusal(&huge), plain(ErrorKind::Epsilon, Argument::Epsilon));
    }
}

#[test]
fn points() {
    let task = Task::random(2, 3, 0.1, &[KL, Rule::Exact]).with_points(3);
    let refused = |task: &Task<f64>| {
        let measures = task.points();
        let problem = Problem::new(&measures, task.epsilon).unwrap();
        refusal_of(&problem, &Options::new(), [CANARY; 2], lens(&problem))
    };
    for (value, kind) in [(f64::NAN, ErrorKind::NotANumber), (f64::INFINITY, ErrorKind::Infinite)] {
        for i in 0..2 {
            for k in 0..task.measures[i].x.len() {
                let mut task = task.clone();
                task.measures[i].x[k] = value;
                let places = [(k / 2) as u64, (k % 2) as u64, i as u64];
                assert_eq!(refused(&task), error(kind, Argument::RowPoints, places));
            }
        }
        for k in 0..6 {
            let mut task = task.clone();
            task.y[k] = value;
            let places = [(k / 2) as u64, (k % 2) as u64, 0];
            assert_eq!(refused(&task), error(kind, Argument::ColPoints, places));
        }
    }
    let mut far = task.clone();
    far.measures[1].x[0] = f64::MAX;
    assert_eq!(refused(&far), of_measure(ErrorKind::TooLarge, Argument::RowPoints, 1));
    // Measures of different dimensions: the work is that of the largest.
    let (x, y, w) = ([0.0, 1.0, 2.0, 3.0], [0.5, 1.5, 2.5, 0.0, 1.0, 3.0], [0.5, 0.5]);
    let measure = |d: usize| {
        let (x, y) = (Mat::new(&x[..2 * d], 2, d).unwrap(), Mat::new(&y[..2 * d], 2, d).unwrap());
        let geometry = Points::new(x, y, Metric::Euclidean).unwrap();
        Measure { geometry, weights: &w[..], rule: KL, share: 1.0 }
    };
    let measures = [measure(1), measure(2)];
    let problem = Problem::<f64, _>::new(&measures, 0.1).unwrap();
    assert_eq!(problem.dimension(), 2);
    let [rows, cols, n, work] = lens(&problem);
    let short = refusal_of(&problem, &Options::new(), [CANARY; 2], [rows, cols, n, work - 1]);
    assert_eq!(short, plain(ErrorKind::WorkTooSmall, Argument::Work));
    let (mut f, mut g, mut q) = (vec![0.0; rows], vec![0.0; cols], vec![0.0; n]);
    let mut work = vec![f64::NAN; work];
    let report = solve(&problem, &Options::new(), &mut f, &mut g, &mut q, &mut work, &mut ());
    assert!(report.unwrap().converged());
}

#[test]
fn lengths() {
    for task in tasks() {
        let measures = task.dense();
        let problem = Problem::new(&measures, task.epsilon).unwrap();
        let [rows, cols, n, work] = lens(&problem);
        let with = |lens| refusal_of(&problem, &Options::new(), [CANARY; 2], lens);
        for wrong in [0, rows - 1, rows + 1] {
            let found = with([wrong, cols, n, work]);
            assert_eq!(found, plain(ErrorKind::Shape, Argument::RowPotentials));
        }
        for wrong in [0, n, cols - 1, cols + 1] {
            let found = with([rows, wrong, n, work]);
            assert_eq!(found, plain(ErrorKind::Shape, Argument::ColPotentials));
        }
        for wrong in [0, n - 1, n + 1] {
            let found = with([rows, cols, wrong, work]);
            assert_eq!(found, plain(ErrorKind::Shape, Argument::Barycenter));
        }
        for wrong in [0, 1, work - 1] {
            let found = with([rows, cols, n, wrong]);
            assert_eq!(found, plain(ErrorKind::WorkTooSmall, Argument::Work));
        }
    }
    assert_eq!(work_len(usize::MAX, 1, 0), usize::MAX);
    assert_eq!(work_len(1, usize::MAX / 8, 0), usize::MAX);
    assert_eq!(work_len(1, 1, usize::MAX / 8), usize::MAX);
}

#[test]
fn options_and_starts() {
    for task in tasks() {
        let refused = |o: Options<f64>| refusal_with(&task, &o);
        let of_options = |kind| plain(kind, Argument::Options);
        for bad in BAD_SCALARS {
            for stop in [Stop::Residual(bad), Stop::Certified(bad)] {
                let found = refused(options(defaults().stop(stop)));
                assert_eq!(found, plain(ErrorKind::Tolerance, Argument::Stop));
            }
            assert_eq!(refused(Options::new().start(bad)), of_options(ErrorKind::Epsilon));
        }
        for bad in BAD_SCALARS.into_iter().chain([1.0, 1.0999]) {
            assert_eq!(refused(Options::new().factor(bad)), of_options(ErrorKind::Epsilon));
        }
        let none = Options::new().level_iterations(0);
        assert_eq!(refused(none), of_options(ErrorKind::Count));
        let found = refused(options(defaults().max_iterations(0)));
        assert_eq!(found, plain(ErrorKind::Count, Argument::MaxIterations));
        for trust in [false, true] {
            let found = refused(options(defaults().check_every(0).trust_data(trust)));
            assert_eq!(found, plain(ErrorKind::Count, Argument::CheckEvery));
            if task.measures.iter().any(|m| m.rule == Rule::Exact) {
                let certified = defaults().stop(Stop::Certified(0.1)).trust_data(trust);
                let found = refused(options(certified));
                assert_eq!(found, plain(ErrorKind::NoCertificate, Argument::Stop));
            }
        }
        // Starts: minus infinity is fine.
        let measures = task.dense();
        let problem = Problem::new(&measures, task.epsilon).unwrap();
        let warm = options(defaults().warm_start(true));
        for (value, kind) in
            [(f64::NAN, ErrorKind::NotANumber), (f64::INFINITY, ErrorKind::Infinite)]
        {
            let last = |len: usize| [len as u64 - 1, NOWHERE, NOWHERE];
            let lens = lens(&problem);
            let found = refusal_of(&problem, &warm, [value, CANARY], lens);
            assert_eq!(found, error(kind, Argument::RowPotentials, last(lens[0])));
            let found = refusal_of(&problem, &warm, [f64::NEG_INFINITY, value], lens);
            assert_eq!(found, error(kind, Argument::ColPotentials, last(lens[1])));
        }
    }
    // Flat costs: the entropy alone is more than the target, whatever the run.
    let mut flat = Task::random(1, 5, 0.5, &[KL; 3]);
    flat.measures.iter_mut().for_each(|m| m.cost.fill(1.0));
    let certified = options(defaults().stop(Stop::Certified(0.01)));
    assert_eq!(refusal_with(&flat, &certified), plain(ErrorKind::TargetOutOfReach, Argument::Stop));
}

#[test]
fn half_steps() {
    let task = Task::random(4, 5, 0.1, &[KL]);
    let n = task.rows();
    let len = work_len(n, 5, 0);
    let step = |task: &Task<f64>, [rows, cols, work]: [usize; 3]| {
        let measures = task.dense();
        let (mut f, mut g) = (vec![CANARY; rows], vec![CANARY; cols]);
        let mut work = vec![f64::NAN; work];
        let level = Level::detect();
        let half = half_step(&measures[0], task.epsilon, level, &mut f, &mut g, &mut work);
        let untouched = f.iter().chain(&g).all(|&x| x == CANARY);
        assert!(untouched == half.is_err(), "{half:?}");
        half.map_err(parts)
    };
    let good = [n, 5, len];
    assert!(!step(&task, good).unwrap().trouble);
    let with = |change: &dyn Fn(&mut Task<f64>)| {
        let mut task = task.clone();
        change(&mut task);
        step(&task, good).unwrap_err()
    };
    for bad in BAD_SCALARS {
        let expected = plain(ErrorKind::Epsilon, Argument::Epsilon);
        assert_eq!(with(&|t| t.epsilon = bad), expected);
        let found = with(&|t| t.measures[0].rule = Rule::Kl { tau: bad });
        assert_eq!(found, plain(ErrorKind::Tau, Argument::RowRule));
    }
    let ball = Rule::KlBall { radius: 0.1, entropy: 0.1 };
    let found = with(&|t| t.measures[0].rule = ball);
    assert_eq!(found, plain(ErrorKind::BarycenterRule, Argument::RowRule));
    for (value, kind) in [
        (f64::NAN, ErrorKind::NotANumber),
        (-1.0, ErrorKind::Negative),
        (f64::INFINITY, ErrorKind::Infinite),
    ] {
        assert_eq!(with(&|t| t.measures[0].share = value), plain(kind, Argument::Share));
        let found = with(&|t| t.measures[0].weights[2] = value);
        assert_eq!(found, error(kind, Argument::RowWeights, [2, NOWHERE, NOWHERE]));
    }
    let found = with(&|t| t.measures[0].weights.fill(0.0));
    assert_eq!(found, plain(ErrorKind::ZeroMass, Argument::RowWeights));
    for (lens, kind, argument) in [
        ([n - 1, 5, len], ErrorKind::Shape, Argument::RowPotentials),
        ([n + 1, 5, len], ErrorKind::Shape, Argument::RowPotentials),
        ([n, 4, len], ErrorKind::Shape, Argument::ColPotentials),
        ([n, 6, len], ErrorKind::Shape, Argument::ColPotentials),
        ([n, 5, len - 1], ErrorKind::WorkTooSmall, Argument::Work),
        ([n, 5, 0], ErrorKind::WorkTooSmall, Argument::Work),
    ] {
        assert_eq!(step(&task, lens).unwrap_err(), plain(kind, argument));
    }
    let (cost, weights) = ([0.5; 6], [0.5; 3]);
    for (rows, cols, kind, argument) in [
        (0, 2, ErrorKind::Empty, Argument::Cost),
        (3, 0, ErrorKind::Empty, Argument::Cost),
        (2, 3, ErrorKind::Shape, Argument::RowWeights),
    ] {
        let geometry = Dense::new(Mat::new(&cost, rows, cols).unwrap());
        let measure: Measure<'_, f64, _> =
            Measure { geometry, weights: &weights, rule: KL, share: 1.0 };
        let (mut f, mut g, mut work) = ([CANARY; 3], [CANARY; 2], [0.0; 200]);
        let half = half_step(&measure, 0.1, Level::detect(), &mut f, &mut g, &mut work);
        assert_eq!(half.map_err(parts), Err(plain(kind, argument)));
        assert!(f.iter().chain(&g).all(|&x| x == CANARY));
    }
}

/// A target whose message a reader understands.
#[test]
fn messages_name_the_measure() {
    let mut task = Task::random(1, 5, 0.1, &[KL; 3]);
    task.measures[2].cost[7] = f64::NAN;
    let e = task.try_solve(&Options::new(), None).unwrap_err();
    assert_eq!(e.to_string(), "Cost: an entry is NaN (row 1, column 2) of measure 2");
}
