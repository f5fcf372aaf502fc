//! Results of the C interface against those of the Rust interface, bit by bit.

use robust_ot::cost::{Dense, Geometry, Metric, Points};
use robust_ot::ffi::types as c;
use robust_ot::ffi::{
    ROT_COST_DENSE, ROT_COST_EUCLIDEAN, ROT_COST_SQUARED_EUCLIDEAN, ROT_LEVEL_FASTEST,
    ROT_LEVEL_PORTABLE,
};
use robust_ot::options::Options;
use robust_ot::plan::Plan;
use robust_ot::problem::{Problem, Reference};
use robust_ot::sinkhorn;
use robust_ot::view::MatMut;

use super::calls::{Args, C, Call, K, for_both_precisions, raw};
use super::case::{Case, RULES, bits, report_bits, view};
use super::initial::{empty_report, matrix};
use crate::SMALL;

/// What both interfaces give, as bits: ending, report, potentials, then all of the plan.
type Outcome = Vec<(&'static str, Vec<u64>)>;

fn by_rust<T: C, G: Geometry<T>>(case: &Case<T>, geometry: G) -> Outcome {
    let (n, m) = (case.n, case.m);
    let problem =
        Problem::<T, G>::new(geometry, (&case.a, case.rows), (&case.b, case.cols), case.epsilon)
            .unwrap()
            .reference(case.reference);
    let problem = if case.unit_mass { problem.unit_mass().unwrap() } else { problem };
    let (mut f, mut g) = (vec![T::ZERO; n], vec![T::ZERO; m]);
    let mut work = vec![T::ZERO; case.work_len()];
    let options = Options::new().max_iterations(case.limit);
    let report = sinkhorn::solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
    let mut all = vec![
        ("ending", vec![report.termination as u64, u64::from(report.converged())]),
        ("report", report_bits!(report)),
        ("f", bits(&f)),
        ("g", bits(&g)),
    ];
    let mut plan = Plan::new(&problem, &f, &g, report.log_mass, &mut work).unwrap();
    let entries = (0..n * m).map(|k| plan.entry(k / m, k % m).unwrap().bits()).collect();
    let mut rows = vec![T::ZERO; n * m];
    for (i, row) in rows.chunks_mut(m).enumerate() {
        plan.row(i, row).unwrap();
    }
    let mut x = vec![T::ZERO; n * m];
    plan.to_dense(&mut MatMut::new(&mut x, n, m).unwrap()).unwrap();
    let (mut row, mut col, mut map) = (vec![T::ZERO; n], vec![T::ZERO; m], vec![T::ZERO; n * K]);
    let transport = plan.marginals(&mut row, &mut col).unwrap();
    let mut out = MatMut::new(&mut map, n, K).unwrap();
    plan.barycentric_map(&view(&case.values, m, K), &mut out).unwrap();
    all.extend([
        ("entries", entries),
        ("rows", bits(&rows)),
        ("dense", bits(&x)),
        ("row", bits(&row)),
        ("col", bits(&col)),
        ("transport", vec![transport.bits()]),
        ("map", bits(&map)),
    ]);
    all
}

fn by_c<T: C>(case: &Case<T>) -> Outcome {
    let (n, m) = (case.n, case.m);
    let (problem, options) = (case.c_problem(), case.c_options());
    let (mut f, mut g) = (vec![T::NAN; n], vec![T::NAN; m]);
    let mut work = vec![T::NAN; case.work_len()];
    let mut report = empty_report::<T>();
    let mut args = Args {
        problem: (&raw const problem).cast_mut().cast(),
        options: (&raw const options).cast_mut().cast(),
        f: raw(&mut f),
        g: raw(&mut g),
        work: raw(&mut work),
        work_len: work.len(),
        report: (&raw mut report).cast(),
        ..Args::none()
    };
    let run = |call, args: &Args<T>| {
        // SAFETY: every pointer is valid for the extent that goes with it.
        let status = unsafe { T::call(call, args) };
        assert!(status >= 0, "{call:?} gave {status}");
        status
    };
    let status = run(Call::Solve, &args);
    assert_eq!(status, report.error.status);
    let mut all = vec![
        ("ending", vec![status as u64, u64::from(report.converged)]),
        ("report", report_bits!(report)),
        ("f", bits(&f)),
        ("g", bits(&g)),
    ];
    (args.f, args.g, args.log_mass) = (raw(&mut f), raw(&mut g), report.log_mass);
    let (mut entries, mut rows, mut x) =
        (vec![T::NAN; n * m], vec![T::NAN; n * m], vec![T::NAN; n * m]);
    for (k, entry) in entries.iter_mut().enumerate() {
        (args.i, args.j, args.value) = (k / m, k % m, core::ptr::from_mut(entry).cast());
        run(Call::Entry, &args);
    }
    for (i, row) in rows.chunks_mut(m).enumerate() {
        (args.i, args.value) = (i, raw(row));
        run(Call::Row, &args);
    }
    let (mut row, mut col, mut map) = (vec![T::NAN; n], vec![T::NAN; m], vec![T::NAN; n * K]);
    let mut transport = T::NAN;
    (args.row, args.col) = (raw(&mut row), raw(&mut col));
    args.transport = (&raw mut transport).cast();
    run(Call::Marginals, &args);
    let values = c::Matrix {
        row_stride: case.values.1[0],
        col_stride: case.values.1[1],
        ..matrix(case.values.0.as_ptr(), m, K)
    };
    args.values = (&raw const values).cast_mut().cast();
    for (call, data, cols) in [(Call::Map, &mut map, K), (Call::Dense, &mut x, m)] {
        // Column by column, to be turned below.
        let (data, rows, row_stride, col_stride) = (data.as_mut_ptr(), n, 1, n);
        let out = c::MatrixMut { data, rows, cols, row_stride, col_stride, reserved: 0 };
        args.out = (&raw const out).cast_mut().cast();
        run(call, &args);
    }
    let turned = |values: &[T]| {
        let cols = values.len() / n;
        (0..values.len()).map(|k| values[k / cols + k % cols * n].bits()).collect::<Vec<_>>()
    };
    all.extend([
        ("entries", bits(&entries)),
        ("rows", bits(&rows)),
        ("dense", turned(&x)),
        ("row", bits(&row)),
        ("col", bits(&col)),
        ("transport", vec![transport.bits()]),
        ("map", turned(&map)),
    ]);
    all
}

fn both_interfaces_give_the_same_bits<T: C>() {
    let mut count = 0;
    for kind in [ROT_COST_DENSE, ROT_COST_SQUARED_EUCLIDEAN, ROT_COST_EUCLIDEAN] {
        for layout in 0..4 {
            for rules in 0..RULES {
                for reference in [Reference::Counting, Reference::Product] {
                    count += 1;
                    if SMALL && ![14, 16, 159].contains(&count) {
                        continue;
                    }
                    let mut case = Case::<T>::new(kind, layout, rules, reference);
                    // Each layout with every rule, with and without room for a kernel.
                    case.fast = cfg!(feature = "scaling") && (layout + count) % 2 == 0;
                    let (n, m, d) = (case.n, case.m, case.d);
                    let points = |metric| {
                        Points::new(view(&case.x, n, d), view(&case.y, m, d), metric).unwrap()
                    };
                    let rust = match kind {
                        ROT_COST_DENSE => by_rust(&case, Dense::new(view(&case.cost, n, m))),
                        ROT_COST_EUCLIDEAN => by_rust(&case, points(Metric::Euclidean)),
                        _ => by_rust(&case, points(Metric::SquaredEuclidean)),
                    };
                    for level in [ROT_LEVEL_FASTEST, ROT_LEVEL_PORTABLE] {
                        if SMALL && level == ROT_LEVEL_PORTABLE {
                            continue;
                        }
                        case.level = level;
                        for (c, rust) in by_c(&case).iter().zip(&rust) {
                            assert_eq!(
                                c, rust,
                                "cost {kind}, layout {layout}, rules {rules}, {reference:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}

fn threads_give_the_same_bits<T: C>() {
    struct Shared<T>(c::Problem<T>);
    // SAFETY: what it points to is read only, and outlives the threads.
    unsafe impl<T> Sync for Shared<T> {}

    let case = Case::<T>::new(ROT_COST_EUCLIDEAN, 1, 3, Reference::Product);
    let shared = Shared(case.c_problem());
    let solve = |shared: &Shared<T>| {
        let (mut f, mut g) = (vec![T::ZERO; shared.0.a_len], vec![T::ZERO; shared.0.b_len]);
        let mut work = vec![T::NAN; case.work_len()];
        let mut report = empty_report::<T>();
        let options = case.c_options();
        let args = Args {
            problem: (&raw const shared.0).cast_mut().cast(),
            options: (&raw const options).cast_mut().cast(),
            f: f.as_mut_ptr().cast(),
            g: g.as_mut_ptr().cast(),
            work: work.as_mut_ptr().cast(),
            work_len: work.len(),
            report: (&raw mut report).cast(),
            ..Args::<T>::none()
        };
        // SAFETY: outputs and work are this thread's own.
        assert!(unsafe { T::call(Call::Solve, &args) } >= 0);
        (bits(&f), bits(&g), report_bits!(report))
    };
    let alone = solve(&shared);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let shared = &shared;
                    (0..if SMALL { 1 } else { 20 }).map(|_| solve(shared)).collect::<Vec<_>>()
                })
            })
            .collect();
        for thread in threads {
            assert!(thread.join().unwrap().iter().all(|found| *found == alone));
        }
    });
}

for_both_precisions! {
    interpreted {
        both_interfaces_give_the_same_bits
        threads_give_the_same_bits
    }
    compiled {}
}
