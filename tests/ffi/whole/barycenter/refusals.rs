//! What a call on a barycenter refuses, and that it writes nothing then.

use core::mem::{offset_of, size_of};
use core::ptr::null_mut;
use std::collections::BTreeSet;

use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::accuracy::ROT_FORMULA_PAPER;
use robust_ot::ffi::barycenter::types as b;
use robust_ot::ffi::types as c;
use robust_ot::ffi::{ROT_LEVEL_AVX2, ROT_STOP_CERTIFIED, ROT_SWEEP_SCALING, ROT_WARM_START};
use robust_ot::marginal::Rule;

use super::scene::{Both, Call, SUPPORT, Scene, TAIL, no_ladder};
use crate::SMALL;
use crate::whole::calls::{NOWHERE, for_both_precisions};
use crate::whole::initial::{c_rule, default_options};

type Change<T> = fn(&mut Scene<T>);
type Line<T> = (ErrorKind, Argument, [u64; 3], Change<T>);

const NO: u64 = NOWHERE;

fn kl<T: Both>(tau: T) -> c::Rule<T> {
    c_rule(Rule::Kl { tau })
}

/// What is wrong with a measure, and refused by whatever looks at it.
fn lines_of_one<T: Both>() -> Vec<Line<T>> {
    use Argument as A;
    use ErrorKind as E;
    let all = |measure| [NO, NO, measure];
    vec![
        (E::Kind, A::CostKind, all(0), |s| s.measure(0, |m| m.cost_kind = 5)),
        (E::Kind, A::RowRule, all(0), |s| s.measure(0, |m| m.rule.kind = 6)),
        (E::Empty, A::Cost, all(0), |s| s.measure(0, |m| m.cost.rows = 0)),
        (E::Shape, A::RowWeights, all(0), |s| s.measure(0, |m| m.weights_len = 2)),
        (E::TooLarge, A::Cost, all(0), |s| s.measure(0, |m| m.cost.row_stride = usize::MAX)),
        (E::TooLarge, A::RowWeights, all(0), |s| s.measure(0, |m| m.weights_len = usize::MAX / 2)),
        (E::StructSize, A::Cost, all(0), |s| s.measure(0, |m| m.cost.reserved = 1)),
        (E::StructSize, A::RowPoints, all(0), |s| s.measure(0, |m| m.x.reserved = 1)),
        (E::StructSize, A::RowRule, all(0), |s| s.measure(0, |m| m.rule.flags = 1)),
        (E::StructSize, A::Measures, all(0), |s| s.measure(0, |m| m.flags = 1)),
        (E::StructSize, A::Measures, all(0), |s| s.measure(0, |m| m.reserved_value = T::ONE)),
        (E::StructSize, A::Measures, all(0), |s| s.measure(0, |m| m.reserved[3] = 1)),
        (E::Tau, A::RowRule, all(0), |s| s.measure(0, |m| m.rule = kl(T::ZERO))),
        (E::Tau, A::RowRule, all(0), |s| s.measure(0, |m| m.rule = kl(T::NAN))),
        (E::BarycenterRule, A::RowRule, all(0), |s| {
            s.measure(0, |m| {
                m.rule = c_rule(Rule::L2Ball { radius2: T::ONE, entropy: T::ONE });
            });
        }),
        (E::BarycenterRule, A::RowRule, all(0), |s| {
            s.measure(0, |m| m.rule = c_rule(Rule::Tv { tau: T::ONE }));
        }),
        (E::NotANumber, A::Share, all(0), |s| s.measure(0, |m| m.share = T::NAN)),
        (E::Negative, A::Share, all(0), |s| s.measure(0, |m| m.share = -T::ONE)),
        (E::Infinite, A::Share, all(0), |s| s.measure(0, |m| m.share = T::INFINITY)),
        (E::Epsilon, A::Epsilon, [NO; 3], |s| s.problem(|p| p.epsilon = T::ZERO)),
        (E::Epsilon, A::Epsilon, [NO; 3], |s| s.problem(|p| p.epsilon = T::NAN)),
        (E::Empty, A::Measures, [NO; 3], |s| s.problem(|p| p.measures_len = 0)),
        (E::TooLarge, A::Measures, [NO; 3], |s| s.problem(|p| p.measures_len = usize::MAX / 8)),
        (E::StructSize, A::Problem, [NO; 3], |s| s.problem(|p| p.struct_size = 4)),
        (E::StructSize, A::Problem, [NO; 3], |s| s.problem(|p| p.reserved_value = T::NAN)),
        (E::StructSize, A::Problem, [NO; 3], |s| s.problem(|p| p.reserved[0] = 1)),
        (E::StructSize, A::Measures, [NO; 3], |s| s.problem(|p| p.measure_size = 0)),
        (E::StructSize, A::Measures, [NO; 3], |s| s.problem(|p| p.measure_size += 4)),
        (E::StructSize, A::Measures, [NO; 3], |s| s.problem(|p| p.measure_size = 4104)),
    ]
}

/// Of a problem and its options as a whole.
fn lines_of_all<T: Both>() -> Vec<Line<T>> {
    use Argument as A;
    use ErrorKind as E;
    vec![
        (E::Shape, A::Cost, [NO, NO, 2], |s| {
            s.measure(2, |m| m.cost.cols = 3);
        }),
        (E::Kind, A::CostKind, [NO, NO, 1], |s| s.measure(1, |m| m.cost_kind = 9)),
        (E::Shape, A::ColPoints, [NO, NO, 1], |s| s.measure(1, |m| m.y.cols = 1)),
        (E::BarycenterRule, A::RowRule, [NO, NO, 2], |s| {
            s.measure(2, |m| {
                m.rule = c_rule(Rule::KlBall { radius: T::ONE, entropy: T::ONE });
            });
        }),
        (E::Negative, A::RowWeights, [1, NO, 2], |s| s.set("weights 2", 1, -T::ONE)),
        (E::NotANumber, A::RowWeights, [0, NO, 0], |s| s.set("weights 0", 0, T::NAN)),
        (E::Infinite, A::RowWeights, [1, NO, 1], |s| s.set("weights 1", 1, T::INFINITY)),
        (E::ZeroMass, A::RowWeights, [NO, NO, 1], |s| {
            s.fill(s.at("weights 1"), &[T::ZERO; 2]);
        }),
        (E::ZeroMass, A::Share, [NO; 3], |s| {
            for i in 0..3 {
                s.measure(i, |m| (m.share, m.rule) = (T::ZERO, kl(T::ONE)));
            }
        }),
        (E::MassMismatch, A::Share, [NO, NO, 1], |s| {
            s.measure(1, |m| (m.share, m.rule) = (T::ZERO, c_rule(Rule::Exact)));
        }),
        (E::Infinite, A::Share, [NO; 3], |s| {
            for i in 0..3 {
                s.measure(i, |m| m.share = T::MAX);
            }
        }),
        (E::WorkTooSmall, A::Work, [NO; 3], |s| s.args.work_len -= 1),
        (E::WorkTooSmall, A::Work, [NO; 3], |s| s.args.work_len = 100),
        (E::WorkTooSmall, A::Work, [NO; 3], |s| s.args.work_len = 0),
    ]
}

/// Of costs and points, which whatever scans them finds.
fn lines_of_costs<T: Both>() -> Vec<Line<T>> {
    use Argument as A;
    use ErrorKind as E;
    vec![
        (E::NotANumber, A::Cost, [1, 2, 2], |s| s.set("cost 2", 6, T::NAN)),
        (E::Infinite, A::Cost, [0, 0, 0], |s| s.set("cost 0", 0, -T::INFINITY)),
        (E::NotANumber, A::RowPoints, [1, 0, 1], |s| s.set("x 1", 2, T::NAN)),
        (E::Infinite, A::ColPoints, [3, 1, 1], |s| s.set("y 1", 7, T::INFINITY)),
        (E::NoPartner, A::RowWeights, [2, NO, 0], |s| {
            for j in 0..SUPPORT {
                s.set("cost 0", 2 * SUPPORT + j, T::INFINITY);
            }
        }),
    ]
}

/// Of options and potentials that all that solve look at, or check.
fn lines_of_options<T: Both>() -> Vec<Line<T>> {
    use Argument as A;
    use ErrorKind as E;
    vec![
        (E::StructSize, A::Options, [NO; 3], |s| s.options(|o| o.reserved[0] = 1)),
        (E::Kind, A::Stop, [NO; 3], |s| s.options(|o| o.stop = 2)),
        (E::Kind, A::Level, [NO; 3], |s| s.options(|o| o.level = 5)),
        (E::Kind, A::Sweep, [NO; 3], |s| s.options(|o| o.sweep = 3)),
        #[cfg(feature = "scaling")]
        (E::Kind, A::Sweep, [NO; 3], |s| s.options(|o| o.sweep = ROT_SWEEP_SCALING)),
        (E::Tolerance, A::Stop, [NO; 3], |s| s.options(|o| o.tolerance = T::ZERO)),
        (E::Count, A::MaxIterations, [NO; 3], |s| s.options(|o| o.max_iterations = 0)),
        (E::Count, A::CheckEvery, [NO; 3], |s| s.options(|o| o.check_every = 0)),
        (E::NotANumber, A::RowPotentials, [7, NO, NO], |s| {
            s.options(|o| o.flags = ROT_WARM_START);
            s.set("f", 7, T::NAN);
        }),
        (E::Infinite, A::ColPotentials, [11, NO, NO], |s| {
            s.options(|o| o.flags = ROT_WARM_START);
            s.set("g", 11, T::INFINITY);
        }),
    ]
}

/// Of what only a solve at one epsilon and its check look at.
fn lines_of_a_solve<T: Both>() -> Vec<Line<T>> {
    use Argument as A;
    use ErrorKind as E;
    vec![
        (E::MassMismatch, A::RowWeights, [NO, NO, 2], |s| {
            s.measure(2, |m| m.rule = c_rule(Rule::Exact));
        }),
        (E::NoCertificate, A::Stop, [NO; 3], |s| s.options(|o| o.stop = ROT_STOP_CERTIFIED)),
        (E::TargetOutOfReach, A::Stop, [NO; 3], |s| {
            s.measure(1, |m| m.rule = kl(T::ONE));
            s.problem(|p| p.epsilon = T::of(100.0));
            s.options(|o| o.stop = ROT_STOP_CERTIFIED);
        }),
        (E::Epsilon, A::Epsilon, [NO; 3], |s| s.set("cost 0", 5, T::MAX)),
        (E::Epsilon, A::Options, [NO; 3], |s| s.ladder(|o| o.start = T::NAN)),
        (E::Epsilon, A::Options, [NO; 3], |s| s.ladder(|o| o.start = -T::ONE)),
        (E::Epsilon, A::Options, [NO; 3], |s| s.ladder(|o| o.factor = T::ONE)),
        (E::Count, A::Options, [NO; 3], |s| s.ladder(|o| o.level_iterations = 0)),
        (E::StructSize, A::Options, [NO; 3], |s| s.ladder(|o| o.struct_size = 12)),
        (E::StructSize, A::Options, [NO; 3], |s| s.ladder(|o| o.reserved[2] = 1)),
    ]
}

/// Of a target for the objective without entropy.
fn lines_of_a_target<T: Both>() -> Vec<Line<T>> {
    use Argument as A;
    use ErrorKind as E;
    vec![
        (E::Tolerance, A::Stop, [NO; 3], |s| s.args.target = T::ZERO),
        (E::Tolerance, A::Stop, [NO; 3], |s| s.args.target = -T::ONE),
        (E::Tolerance, A::Stop, [NO; 3], |s| s.args.target = T::NAN),
        (E::Tolerance, A::Stop, [NO; 3], |s| s.args.target = T::INFINITY),
        (E::NoCertificate, A::Stop, [NO; 3], |s| {
            s.measure(2, |m| m.rule = c_rule(Rule::Exact));
        }),
    ]
}

/// Of half steps and combinations.
fn lines_of_steps<T: Both>(call: Call) -> Vec<Line<T>> {
    use Argument as A;
    use ErrorKind as E;
    let mut lines: Vec<Line<T>> = Vec::new();
    if Call::OF_ONE.contains(&call) {
        lines.push((E::Shape, A::Measures, [NO, NO, 3], |s| s.args.index = 3));
        lines.push((E::Shape, A::Measures, [NO, NO, u64::MAX - 1], |s| {
            s.args.index = usize::MAX - 1;
        }));
    }
    match call {
        Call::HalfStep => {
            lines.push((E::WorkTooSmall, A::Work, [NO; 3], |s| s.args.work_len -= 1));
            lines.push((E::Kind, A::Level, [NO; 3], |s| s.args.level = 5));
            lines.push((E::Negative, A::RowWeights, [2, NO, 0], |s| {
                s.set("weights 0", 2, -T::ONE);
            }));
            lines.push((E::ZeroMass, A::RowWeights, [NO, NO, 0], |s| {
                s.fill(s.at("weights 0"), &[T::ZERO; 3]);
            }));
        }
        Call::Merge | Call::Combine => {
            lines.push((E::Empty, A::Combination, [NO; 3], |s| s.args.n = 0));
            lines.push((E::TooLarge, A::Combination, [NO; 3], |s| s.args.n = usize::MAX));
        }
        _ => {}
    }
    if matches!(call, Call::Add | Call::Merge | Call::Combine) {
        lines.push((E::StructSize, A::Combination, [NO; 3], |s| {
            s.edit(s.args.sums, |x: &mut b::BarycenterSums<T>| x.reserved_value = T::ONE);
        }));
    }
    match call {
        Call::Add => lines.push((E::StructSize, A::Half, [NO; 3], |s| {
            s.edit(s.args.half, |x: &mut b::BarycenterHalf<T>| x.reserved_value = T::ONE);
        })),
        Call::Merge => lines.push((E::StructSize, A::Combination, [NO; 3], |s| {
            s.edit(s.args.other_sums, |x: &mut b::BarycenterSums<T>| x.reserved_value = T::ONE);
        })),
        Call::Combine => {
            lines.push((E::Epsilon, A::Epsilon, [NO; 3], |s| s.args.value = T::ZERO));
            lines.push((E::ZeroMass, A::Share, [NO; 3], |s| {
                s.edit(s.args.sums, |x: &mut b::BarycenterSums<T>| x.share = T::ZERO);
            }));
            lines.push((E::ZeroMass, A::Share, [NO; 3], |s| {
                s.edit(s.args.sums, |x: &mut b::BarycenterSums<T>| x.share = T::NAN);
            }));
        }
        _ => {}
    }
    lines
}

/// Of what only a gradient takes.
fn lines_of_a_gradient<T: Both>() -> Vec<Line<T>> {
    use Argument as A;
    use ErrorKind as E;
    vec![
        (E::NotConverged, A::ForwardTolerance, [NO; 3], |s| {
            s.gradient_options(|o| o.forward_tolerance = T::of(1e-2));
        }),
        // Data that only a check of the problem locates.
        (E::NotConverged, A::ForwardTolerance, [NO; 3], |s| s.set("cost 0", 5, T::NAN)),
        (E::NotConverged, A::ForwardTolerance, [NO; 3], |s| s.set("x 1", 2, T::NAN)),
        (E::NotANumber, A::RowPotentials, [7, NO, NO], |s| s.set("f", 7, T::NAN)),
        (E::Infinite, A::RowPotentials, [0, NO, NO], |s| s.set("f", 0, T::INFINITY)),
        (E::NotANumber, A::ColPotentials, [0, NO, NO], |s| s.set("g", 0, T::NAN)),
        (E::Infinite, A::ColPotentials, [11, NO, NO], |s| s.set("g", 11, T::INFINITY)),
        (E::NotANumber, A::Cotangent, [3, NO, NO], |s| s.set("cotangent", 3, T::NAN)),
        (E::Infinite, A::Cotangent, [0, NO, NO], |s| s.set("cotangent", 0, -T::INFINITY)),
        (E::NotANumber, A::Cotangent, [NO; 3], |s| s.args.objective = T::NAN),
        (E::Infinite, A::Cotangent, [NO; 3], |s| s.args.objective = T::INFINITY),
        (E::Tolerance, A::Method, [NO; 3], |s| s.gradient_options(|o| o.tolerance = T::ZERO)),
        (E::Tolerance, A::Method, [NO; 3], |s| s.gradient_options(|o| o.tolerance = T::NAN)),
        (E::Tolerance, A::Method, [NO; 3], |s| {
            s.gradient_options(|o| o.tolerance = T::INFINITY);
        }),
        (E::Count, A::Method, [NO; 3], |s| s.gradient_options(|o| o.max_iterations = 0)),
        (E::Tolerance, A::ForwardTolerance, [NO; 3], |s| {
            s.gradient_options(|o| o.forward_tolerance = T::ZERO);
        }),
        (E::Tolerance, A::ForwardTolerance, [NO; 3], |s| {
            s.gradient_options(|o| o.forward_tolerance = T::NAN);
        }),
        (E::Kind, A::Level, [NO; 3], |s| s.gradient_options(|o| o.level = 5)),
        (E::StructSize, A::Options, [NO; 3], |s| s.gradient_options(|o| o.struct_size = 12)),
        (E::StructSize, A::Options, [NO; 3], |s| s.gradient_options(|o| o.struct_size = 0)),
        (E::StructSize, A::Options, [NO; 3], |s| s.gradient_options(|o| o.reserved32 = 1)),
        (E::StructSize, A::Options, [NO; 3], |s| s.gradient_options(|o| o.reserved[3] = 1)),
        (E::StructSize, A::Gradient, [NO; 3], |s| s.gradient(|g| g.struct_size -= 8)),
        (E::StructSize, A::Gradient, [NO; 3], |s| s.gradient(|g| g.struct_size += 4)),
        (E::StructSize, A::Gradient, [NO; 3], |s| s.gradient(|g| g.struct_size = 0)),
        (E::StructSize, A::Gradient, [NO; 3], |s| s.gradient(|g| g.struct_size = 5000)),
        (E::StructSize, A::Gradient, [NO; 3], |s| s.gradient(|g| g.reserved32 = 1)),
        (E::StructSize, A::Gradient, [NO; 3], |s| s.gradient(|g| g.reserved32_2 = 1)),
        (E::StructSize, A::Gradient, [NO; 3], |s| s.gradient(|g| g.reserved_size = 1)),
        (E::StructSize, A::Gradient, [NO; 3], |s| s.gradient(|g| g.reserved[3] = 1)),
    ]
}

/// Every line in every call that it concerns; all kinds that there are for barycenters.
fn every_refusal_is_reached<T: Both>() {
    let mut reached = BTreeSet::new();
    for call in Call::ALL {
        let mut lines = lines_of_steps::<T>(call);
        if Call::OF_ALL.contains(&call) {
            lines.extend(lines_of_all());
        }
        if matches!(call, Call::Solve | Call::Check) {
            lines.extend(lines_of_a_solve());
        }
        if matches!(call, Call::Solve | Call::Check | Call::Parameters | Call::Accurate) {
            lines.extend(lines_of_costs());
        }
        if matches!(call, Call::Solve | Call::Check | Call::Accurate) {
            lines.extend(lines_of_options());
        }
        if Call::CERTIFIED.contains(&call) {
            lines.extend(lines_of_a_target());
        }
        if call == Call::Parameters {
            let paper: Change<T> = |s| s.args.formula = ROT_FORMULA_PAPER;
            // The measures of a scene have three taus.
            lines.push((ErrorKind::Tau, Argument::RowRule, [NO; 3], paper));
            let none: Change<T> = |s| s.args.formula = 3;
            lines.push((ErrorKind::Kind, Argument::Options, [NO; 3], none));
        }
        if call == Call::Accurate {
            // Below what rounding leaves of a cost.
            let small: Change<T> = |s| s.args.target = T::of(1e-20);
            lines.push((ErrorKind::TargetPrecision, Argument::Stop, [NO; 3], small));
        }
        if call == Call::Vjp {
            lines.extend(lines_of_a_gradient());
        }
        if Call::OF_ALL.contains(&call) || Call::OF_ONE.contains(&call) {
            lines.extend(lines_of_one());
        }
        for (kind, argument, at, change) in lines {
            let mut s = Scene::<T>::new(call);
            change(&mut s);
            s.refused_at(kind, argument, at);
            reached.insert(kind as i32);
        }
    }
    if robust_ot::kernel::Level::avx2().is_none() {
        let s = Scene::<T>::new(Call::Solve);
        s.options(|o| o.level = ROT_LEVEL_AVX2);
        s.refused(ErrorKind::NotBuilt, Argument::Level);
        let s = Scene::<T>::new(Call::Vjp);
        s.gradient_options(|o| o.level = ROT_LEVEL_AVX2);
        s.refused(ErrorKind::NotBuilt, Argument::Level);
    }
    // Pointers have tests of their own; the rest has no meaning here.
    let elsewhere = [
        ErrorKind::Null,
        ErrorKind::Alignment,
        ErrorKind::Overlap,
        ErrorKind::NotBuilt,
        ErrorKind::Stride,
        ErrorKind::UnitMassRule,
        ErrorKind::Radius,
        ErrorKind::Entropy,
        ErrorKind::Range,
        ErrorKind::MassRange,
        ErrorKind::Gauge,
        ErrorKind::Singular,
        ErrorKind::RankTooSmall,
        ErrorKind::KernelOutOfReach,
        ErrorKind::KernelEpsilon,
    ];
    for kind in ErrorKind::ALL {
        let here = reached.contains(&(kind as i32));
        assert!(here != elsewhere.contains(&kind), "{kind:?}");
    }
}

/// Each scene: every call, those of one measure on a dense cost and on points.
fn scenes<T: Both>() -> Vec<Scene<T>> {
    let of = |call: Call| {
        let indices = if Call::OF_ONE.contains(&call) { 0..2 } else { 0..1 };
        indices.map(move |index| Scene::<T>::of(call, index))
    };
    Call::ALL.into_iter().flat_map(of).collect()
}

/// The scene again.
fn again<T: Both>(s: &Scene<T>) -> Scene<T> {
    Scene::of(s.call, s.args.index)
}

fn good_calls_are_accepted<T: Both>() {
    for mut s in scenes::<T>() {
        s.accepted();
        if s.takes("error") {
            s.args.error = null_mut();
            s.accepted();
        }
    }
}

fn null_and_misaligned_pointers<T: Both>() {
    for scene in scenes::<T>() {
        for name in scene.call.pointers(scene.args.index) {
            let (argument, measure) = scene.blames(name);
            let optional = matches!(name, "error" | "options" | "solve_options" | "cotangent");
            if name == "gradient_options" {
                // By default potentials have to be an optimum.
                let mut s = again(&scene);
                s.aim(name, null_mut());
                s.refused(ErrorKind::NotConverged, Argument::ForwardTolerance);
            } else if optional || name.starts_with("slope of") {
                let mut s = again(&scene);
                s.aim(name, null_mut());
                s.accepted();
            } else {
                let mut s = again(&scene);
                s.aim(name, null_mut());
                s.refused_at(ErrorKind::Null, argument, [NO, NO, measure]);
            }
            let shifts = [1, size_of::<T>() / 2];
            for &shift in &shifts[..if SMALL { 1 } else { 2 }] {
                let mut s = again(&scene);
                s.aim(name, s.at(name).wrapping_add(shift));
                s.refused_at(ErrorKind::Alignment, argument, [NO, NO, measure]);
            }
        }
    }
}

/// What has to be what it is to be refused at all.
const STRUCTS: [&str; 4] = ["problem", "measures", "gradient_options", "gradient"];

/// What is written over all else that there is: its start and its end.
fn overlaps<T: Both>() {
    for scene in scenes::<T>() {
        let names = scene.call.pointers(scene.args.index);
        for &one in names.iter().filter(|name| scene.call.writes(name)) {
            // A struct that lies where something else was is not one.
            if matches!(one, "report" | "gradient") {
                continue;
            }
            for &other in names.iter().filter(|&&name| name != one) {
                for end in [false, true] {
                    let mut s = again(&scene);
                    let unit = if matches!(one, "error" | "accuracy") { 8 } else { size_of::<T>() };
                    let last = s.span(other).saturating_sub(unit) / unit * unit;
                    let to = s.at(other).wrapping_add(if end { last } else { 0 });
                    // Inside of a struct that is read, where it has to stay what it is.
                    s.aim(one, to);
                    let (status, told) = s.refusal();
                    let context = format!("{:?}: {one} over {other}", s.call);
                    assert_eq!(status, ErrorKind::Overlap as i32, "{context}");
                    let blamed = told.map(|e| e.argument);
                    let may = names.iter().filter(|name| s.call.writes(name));
                    let may: Vec<_> = may.map(|name| s.blames(name).0 as u32).collect();
                    assert!(blamed.is_none_or(|b| may.contains(&b)), "{context}: {blamed:?}");
                }
            }
        }
        if scene.call == Call::Vjp {
            // Any data where the struct is that says where the gradients go.
            for &name in names.iter().filter(|name| !STRUCTS.contains(name)) {
                let mut s = again(&scene);
                let values = offset_of!(b::BarycenterGradient<T>, forward_residual);
                s.aim(name, s.at("gradient").wrapping_add(values));
                s.refused(ErrorKind::Overlap, Argument::Gradient);
            }
        }
        if Call::REPORTED.contains(&scene.call) {
            for (name, argument) in [("f", Argument::RowPotentials), ("g", Argument::ColPotentials)]
            {
                let mut s = again(&scene);
                let values = offset_of!(b::BarycenterReport<T>, epsilon);
                s.aim(name, s.at("report").wrapping_add(values));
                s.refused(ErrorKind::Overlap, argument);
            }
        }
    }
}

/// Ranges side by side share nothing, and what is only read may be one.
fn neighbours_and_shared_inputs<T: Both>() {
    for scene in scenes::<T>() {
        let slopes = ["slope of weights", "slope of shares", "slope of costs", "slope of x"];
        for name in
            ["f", "g", "barycenter", "soft", "epsilon", "cotangent"].into_iter().chain(slopes)
        {
            if !scene.takes(name) {
                continue;
            }
            let mut s = again(&scene);
            let values = s.slice(name, s.span(name) / size_of::<T>());
            // Up to the work's first element, or behind a struct.
            let next = if s.takes("work") { "work" } else { "sums" };
            let next = if s.takes(next) { next } else { "constants" };
            let to = s.at(next).wrapping_sub(s.span(name));
            s.fill(to, &values);
            s.aim(name, to);
            s.accepted();
        }
    }
    let s = Scene::<T>::new(Call::Solve);
    s.measure(2, |m| m.cost.data = core::ptr::null());
    let mut first = None;
    s.measure(0, |m| first = Some(*m));
    let first = first.unwrap();
    s.measure(2, |m| (m.cost, m.weights) = (first.cost, first.weights));
    s.accepted();
}

/// Structs of programs of earlier and later versions.
fn shorter_and_longer_structs<T: Both>() {
    type P<T> = b::BarycenterProblem<T>;
    type M<T> = b::Measure<T>;
    for call in Call::ALL.into_iter().filter(|call| call.pointers(0).contains(&"problem")) {
        let reference = Scene::<T>::new(call);
        reference.accepted();
        // What ends behind epsilon is all of it.
        let s = Scene::<T>::new(call);
        let enough = offset_of!(P<T>, reserved_value).next_multiple_of(8);
        s.problem(|p| p.struct_size = enough as u32);
        s.fill_bytes(s.args.problem.wrapping_add(enough), size_of::<P<T>>() - enough, 0xFF);
        s.accepted();
        assert_eq!(s.results(), reference.results(), "{call:?}");
        // A longer one is zero at the end.
        for name in ["problem", "options", "solve_options", "gradient_options", "gradient"] {
            if !reference.takes(name) {
                continue;
            }
            let (s, size) = (Scene::<T>::new(call), reference.span(name));
            s.put(s.at(name), (size + 8) as u32);
            s.fill_bytes(s.at(name).wrapping_add(size), 8, 0);
            s.accepted();
            assert_eq!(s.results(), reference.results(), "{call:?} {name}");
            s.fill_bytes(s.at(name).wrapping_add(size + 7), 1, 1);
            s.refused(ErrorKind::StructSize, s.blames(name).0);
        }
        // Measures of another size: the same one behind the other at another distance.
        let longer = |s: &mut Scene<T>, by: usize| {
            let size = size_of::<M<T>>();
            for i in (0..3).rev() {
                let from = s.at("measures").wrapping_add(i * size);
                let measure: M<T> = s.get(from);
                let to = s.at("measures").wrapping_add(i * (size + by));
                s.put(to, measure);
                s.fill_bytes(to.wrapping_add(size), by, 0);
            }
            s.problem(|p| p.measure_size += by as u32);
        };
        for by in [8, TAIL] {
            let mut s = Scene::<T>::new(call);
            longer(&mut s, by);
            s.accepted();
            assert_eq!(s.results(), reference.results(), "{call:?}, {by} bytes more");
            let end = s.at("measures").wrapping_add(size_of::<M<T>>() + by - 1);
            s.fill_bytes(end, 1, 1);
            s.refused_in(ErrorKind::StructSize, Argument::Measures, 0);
        }
        // A shorter one lacks the rule and is exact.
        if Call::OF_ONE.contains(&call) {
            let exact = Scene::<T>::new(call);
            exact.measure(0, |m| m.rule = c_rule(Rule::Exact));
            exact.accepted();
            let s = Scene::<T>::new(call);
            let size = offset_of!(M<T>, rule);
            s.fill_bytes(s.at("measures").wrapping_add(size), 3 * size_of::<M<T>>() - size, 0xFF);
            s.problem(|p| (p.measure_size, p.measures_len) = (size as u32, 1));
            s.accepted();
            assert_eq!(s.results(), exact.results(), "{call:?}");
        }
    }
    for call in [Call::Solve, Call::Check] {
        // Defaults, whole, cut and left out.
        let mut reference = Scene::<T>::new(call);
        (reference.args.options, reference.args.solve_options) = (null_mut(), null_mut());
        reference.accepted();
        let whole = size_of::<b::BarycenterOptions<T>>();
        for size in (8..=whole).step_by(8) {
            let s = Scene::<T>::new(call);
            s.put(s.args.options, no_ladder::<T>());
            s.put(s.args.solve_options, default_options::<T>());
            s.put(s.args.options, size as u32);
            s.fill_bytes(s.args.options.wrapping_add(size), whole - size, 0xFF);
            s.accepted();
            assert_eq!(s.results(), reference.results(), "{call:?}, {size} bytes");
        }
    }
    for call in Call::REPORTED {
        let whole = Scene::<T>::new(call);
        whole.accepted();
        let (whole, size) = (whole.results(), size_of::<b::BarycenterReport<T>>());
        for bytes in (40..=size).step_by(8) {
            let s = Scene::<T>::new(call);
            s.put(s.args.report, bytes as u32);
            s.accepted();
            assert_eq!(s.results()[..], whole[..whole.len() - (size - bytes)], "{bytes}");
        }
        for bytes in [0, 8, 32, 44, size + 4, 5000] {
            let s = Scene::<T>::new(call);
            s.put(s.args.report, bytes as u32);
            s.refused(ErrorKind::StructSize, Argument::Report);
        }
    }
}

for_both_precisions! {
    interpreted {
        good_calls_are_accepted
    }
    compiled {
        null_and_misaligned_pointers
        every_refusal_is_reached
        overlaps
        neighbours_and_shared_inputs
        shorter_and_longer_structs
    }
}
