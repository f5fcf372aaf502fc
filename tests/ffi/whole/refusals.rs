//! Every kind of refusal, and values that a call refuses: settings, weights, costs, points.

use core::mem::size_of;
use core::ptr::null_mut;

use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::types as c;
use robust_ot::ffi::{
    ROT_LEVEL_AVX2, ROT_LEVEL_AVX512, ROT_LEVEL_FMA, ROT_STOP_CERTIFIED, ROT_STOP_RESIDUAL,
    ROT_UNIT_MASS, ROT_WARM_START,
};
use robust_ot::marginal::Rule;

use super::calls::{C, Call, NOWHERE, POINTERS, for_both_precisions};
use super::initial::{c_rule, empty_state};
use super::scene::{Scene, each};
use crate::SMALL;

/// One of each; a new kind needs a line here.
fn every_refusal_is_reached<T: C>() {
    for kind in ErrorKind::ALL {
        let mut s = Scene::<T>::new(Call::Solve, 3, 4, 0);
        let mut at = (NOWHERE, NOWHERE);
        let argument = match kind {
            ErrorKind::Null => {
                s.args.f = null_mut();
                Argument::RowPotentials
            }
            ErrorKind::StructSize => {
                s.problem(|p| p.struct_size = 4);
                Argument::Problem
            }
            ErrorKind::Alignment => {
                s.args.g = s.args.g.wrapping_add(1);
                Argument::ColPotentials
            }
            ErrorKind::Overlap => {
                s.args.f = s.args.g;
                Argument::RowPotentials
            }
            ErrorKind::NotBuilt => {
                // Here only where the processor lacks a level; the trimmed libraries have the rest.
                use robust_ot::kernel::Level;
                let levels = [
                    (ROT_LEVEL_AVX2, Level::avx2()),
                    (ROT_LEVEL_AVX512, Level::avx512()),
                    (ROT_LEVEL_FMA, Level::fma()),
                ];
                let Some(&(missing, _)) = levels.iter().find(|(_, level)| level.is_none()) else {
                    continue;
                };
                s.options(|o| o.level = missing);
                Argument::Level
            }
            ErrorKind::Kind => {
                s.problem(|p| p.cost_kind = 5);
                Argument::CostKind
            }
            ErrorKind::Empty => {
                s.problem(|p| p.cost.rows = 0);
                Argument::Cost
            }
            ErrorKind::Shape => {
                s.problem(|p| p.a_len = 2);
                Argument::RowWeights
            }
            ErrorKind::Stride => {
                s = Scene::new(Call::Dense, 3, 4, 0);
                s.out(|o| o.row_stride = 0);
                Argument::Output
            }
            ErrorKind::TooLarge => {
                s.problem(|p| p.cost.row_stride = usize::MAX);
                Argument::Cost
            }
            ErrorKind::WorkTooSmall => {
                s.args.work_len -= 1;
                Argument::Work
            }
            ErrorKind::NotANumber => {
                s.set("cost", 6, T::NAN);
                at = (1, 2);
                Argument::Cost
            }
            ErrorKind::Infinite => {
                s.set("a", 2, T::INFINITY);
                at = (2, NOWHERE);
                Argument::RowWeights
            }
            ErrorKind::Negative => {
                s.set("b", 1, -T::ONE);
                at = (1, NOWHERE);
                Argument::ColWeights
            }
            ErrorKind::ZeroMass => {
                s.fill(s.at("a"), &[T::ZERO; 3]);
                Argument::RowWeights
            }
            ErrorKind::MassMismatch => {
                s.problem(|p| p.rows = c_rule(Rule::Exact));
                Argument::ColWeights
            }
            ErrorKind::NoPartner => {
                s.fill(s.at("cost"), &[T::INFINITY; 4]);
                at = (0, NOWHERE);
                Argument::RowWeights
            }
            ErrorKind::Epsilon => {
                s.problem(|p| p.epsilon = T::ZERO);
                Argument::Epsilon
            }
            ErrorKind::Tau => {
                s.problem(|p| p.rows = c_rule(Rule::Kl { tau: -T::ONE }));
                Argument::RowRule
            }
            ErrorKind::Tolerance => {
                s.options(|o| o.tolerance = T::NAN);
                Argument::Stop
            }
            ErrorKind::Count => {
                s.options(|o| o.check_every = 0);
                Argument::CheckEvery
            }
            ErrorKind::NoCertificate => {
                s.balance();
                s.options(|o| o.stop = ROT_STOP_CERTIFIED);
                Argument::Stop
            }
            ErrorKind::TargetOutOfReach => {
                s.problem(|p| p.epsilon = T::of(100.0));
                s.options(|o| o.stop = ROT_STOP_CERTIFIED);
                Argument::Stop
            }
            ErrorKind::UnitMassRule => {
                s.problem(|p| p.flags = ROT_UNIT_MASS);
                Argument::ColRule
            }
            ErrorKind::Radius | ErrorKind::Entropy if !cfg!(feature = "balls") => continue,
            ErrorKind::Radius => {
                let (radius2, entropy) = (-T::ONE, T::ONE);
                s.problem(|p| p.rows = c_rule(Rule::L2Ball { radius2, entropy }));
                Argument::RowRule
            }
            ErrorKind::Entropy => {
                let (radius, entropy) = (T::ONE, T::INFINITY);
                s.problem(|p| p.cols = c_rule(Rule::KlBall { radius, entropy }));
                Argument::ColRule
            }
            ErrorKind::Range | ErrorKind::MassRange if !cfg!(feature = "ranges") => continue,
            ErrorKind::Range => {
                let (lower, upper) = (T::of(1.5), T::ONE);
                s.problem(|p| p.rows = c_rule(Rule::Box { lower, upper }));
                Argument::RowRule
            }
            ErrorKind::MassRange => {
                let (lower, upper) = (T::ZERO, T::of(1e-3));
                s.problem(|p| p.rows = c_rule(Rule::Box { lower, upper }));
                Argument::RowRule
            }
            ErrorKind::NotConverged => {
                s = Scene::new(Call::Vjp, 3, 4, 0);
                s.gradient_options(|o| o.forward_tolerance = T::of(1e-3));
                Argument::ForwardTolerance
            }
            ErrorKind::Gauge => {
                s = Scene::new(Call::Vjp, 3, 4, 0);
                s.balance();
                s.set("loss by f", 1, T::ZERO);
                Argument::Cotangent
            }
            ErrorKind::Singular => {
                // Many rows, whose sum is rounded to less than it is.
                if SMALL {
                    continue;
                }
                s = super::gradients::singular(Call::Vjp);
                Argument::Method
            }
            ErrorKind::TargetPrecision => {
                s = Scene::new(Call::Accurate, 3, 4, 0);
                s.args.target = T::ROUNDOFF;
                Argument::Stop
            }
            // Of barycenters only, whose calls have a scene of their own.
            // See barycenter/refusals.rs and lowrank.rs.
            ErrorKind::BarycenterRule
            | ErrorKind::RankTooSmall
            | ErrorKind::KernelOutOfReach
            | ErrorKind::KernelEpsilon => continue,
            _ => panic!("{kind:?} has no example here"),
        };
        s.refused_at(kind, argument, at.0, at.1);
    }
}

fn unknown_values<T: C>() {
    each::<T>(
        Call::ALL,
        0,
        ErrorKind::Kind,
        &[
            ("problem", Argument::CostKind, |s| s.problem(|p| p.cost_kind = 5)),
            ("problem", Argument::CostKind, |s| s.problem(|p| p.cost_kind = u32::MAX)),
            ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.kind = 6)),
            ("problem", Argument::ColRule, |s| s.problem(|p| p.cols.kind = u32::MAX)),
            ("problem", Argument::Reference, |s| s.problem(|p| p.reference = 2)),
            ("problem", Argument::Problem, |s| s.problem(|p| p.flags = 2)),
            ("problem", Argument::Problem, |s| s.problem(|p| p.flags = 1 << 31)),
            ("options", Argument::Stop, |s| s.options(|o| o.stop = 2)),
            ("options", Argument::Options, |s| s.options(|o| o.flags = 4)),
            ("options", Argument::Options, |s| s.options(|o| o.flags = 1 << 31)),
            ("options", Argument::Level, |s| s.options(|o| o.level = 5)),
            ("options", Argument::Sweep, |s| s.options(|o| o.sweep = 3)),
            ("options", Argument::Sweep, |s| s.options(|o| o.sweep = u32::MAX)),
        ],
    );
    each::<T>(
        &[Call::Step, Call::Finish],
        0,
        ErrorKind::Kind,
        &[
            ("state", Argument::State, |s| s.put(s.args.state, empty_state::<T>())),
            ("state", Argument::State, |s| {
                s.edit(s.args.state, |state: &mut c::State<T>| state.mark ^= 1);
            }),
            ("state", Argument::State, |s| {
                s.edit(s.args.state, |state: &mut c::State<T>| state.flags[2] = 99);
            }),
        ],
    );
}

fn values_out_of_range<T: C>() {
    let tiny = T::MIN_POSITIVE * T::of(0.25);
    for &call in Call::ALL {
        for bad in [T::ZERO, -T::ONE, T::NAN, T::INFINITY, tiny] {
            let s = Scene::<T>::new(call, 3, 4, 0);
            s.problem(|p| p.epsilon = bad);
            s.refused(ErrorKind::Epsilon, Argument::Epsilon);

            let s = Scene::<T>::new(call, 3, 4, 0);
            s.problem(|p| p.rows.param[0] = bad);
            s.refused(ErrorKind::Tau, Argument::RowRule);
            s.problem(|p| (p.rows, p.cols) = (c_rule(Rule::Exact), c_rule(Rule::Kl { tau: bad })));
            s.refused(ErrorKind::Tau, Argument::ColRule);
        }
        let s = Scene::<T>::new(call, 3, 4, 0);
        s.problem(|p| p.flags = ROT_UNIT_MASS);
        s.refused(ErrorKind::UnitMassRule, Argument::ColRule);
        s.problem(|p| (p.rows, p.cols) = (p.cols, p.rows));
        s.refused(ErrorKind::UnitMassRule, Argument::RowRule);
    }
    for call in Call::VALIDATING {
        let s = Scene::<T>::new(call, 3, 4, 0);
        for stop in [ROT_STOP_RESIDUAL, ROT_STOP_CERTIFIED] {
            for bad in [T::ZERO, -T::ONE, T::NAN, T::INFINITY] {
                s.options(|o| (o.stop, o.tolerance) = (stop, bad));
                s.refused(ErrorKind::Tolerance, Argument::Stop);
            }
        }
        s.options(|o| (o.tolerance, o.max_iterations) = (T::ONE, 0));
        s.refused(ErrorKind::Count, Argument::MaxIterations);
        s.options(|o| (o.max_iterations, o.check_every) = (1, 0));
        s.refused(ErrorKind::Count, Argument::CheckEvery);
        s.options(|o| (o.tolerance, o.check_every) = (T::of(1e-3), 1));
        s.problem(|p| p.epsilon = T::of(100.0));
        s.refused(ErrorKind::TargetOutOfReach, Argument::Stop);
        s.balance();
        s.refused(ErrorKind::NoCertificate, Argument::Stop);
        // Epsilon too small for the cost.
        let s = Scene::<T>::new(call, 3, 4, 0);
        s.set("cost", 5, T::MAX);
        s.refused(ErrorKind::Epsilon, Argument::Epsilon);
    }
    let mut s = Scene::<T>::new(Call::Certifiable, 3, 4, 0);
    for bad in [T::ZERO, -T::ONE, T::NAN, T::INFINITY] {
        s.args.target = bad;
        s.refused(ErrorKind::Tolerance, Argument::Stop);
    }
    s.args.target = T::ONE;
    s.balance();
    s.refused(ErrorKind::NoCertificate, Argument::Stop);
}

/// Weights, costs and points, at the first, a middle and the last place.
fn bad_data<T: C>() {
    let bad = [
        (T::NAN, ErrorKind::NotANumber),
        (T::INFINITY, ErrorKind::Infinite),
        (-T::INFINITY, ErrorKind::Negative),
        (-T::of(1e-30), ErrorKind::Negative),
    ];
    for call in Call::VALIDATING {
        for (name, len) in [("a", 3), ("b", 4)] {
            let argument = POINTERS.iter().find(|p| p.0 == name).unwrap().1;
            for k in [0, 1, len - 1] {
                for (value, kind) in bad {
                    let s = Scene::<T>::new(call, 3, 4, 0);
                    s.set(name, k, value);
                    s.refused_at(kind, argument, k as u64, NOWHERE);
                    // The first of several is named.
                    s.set(name, len - 1, T::NAN);
                    s.refused_at(
                        if k == len - 1 { ErrorKind::NotANumber } else { kind },
                        argument,
                        k as u64,
                        NOWHERE,
                    );
                }
            }
            let s = Scene::<T>::new(call, 3, 4, 0);
            s.fill(s.at(name), &vec![T::ZERO; len]);
            s.refused(ErrorKind::ZeroMass, argument);
            s.fill(s.at(name), &vec![T::MAX; len]);
            s.refused(ErrorKind::Infinite, argument);
        }
        for k in [0, 6, 11] {
            let (row, col) = (k as u64 / 4, k as u64 % 4);
            let s = Scene::<T>::new(call, 3, 4, 0);
            s.set("cost", k, T::NAN);
            s.refused_at(ErrorKind::NotANumber, Argument::Cost, row, col);
            s.set("cost", k, -T::INFINITY);
            s.refused_at(ErrorKind::Infinite, Argument::Cost, row, col);
            // One forbidden pair is none too many.
            s.set("cost", k, T::INFINITY);
            s.accepted();
        }
        let s = Scene::<T>::new(call, 3, 4, 0);
        s.fill(s.at("cost").wrapping_add(4 * size_of::<T>()), &[T::INFINITY; 4]);
        s.refused_at(ErrorKind::NoPartner, Argument::RowWeights, 1, NOWHERE);
        let s = Scene::<T>::new(call, 3, 4, 0);
        for i in 0..3 {
            s.set("cost", i * 4 + 2, T::INFINITY);
        }
        s.refused_at(ErrorKind::NoPartner, Argument::ColWeights, 2, NOWHERE);
        // A partner without weight is none, a side without weight needs none.
        let s = Scene::<T>::new(call, 3, 4, 0);
        s.fill(s.at("cost"), &[T::INFINITY, T::ONE, T::INFINITY, T::INFINITY]);
        s.set("b", 1, T::ZERO);
        s.refused_at(ErrorKind::NoPartner, Argument::RowWeights, 0, NOWHERE);
        s.set("a", 0, T::ZERO);
        s.accepted();

        for (name, len, argument) in [("x", 6, Argument::RowPoints), ("y", 8, Argument::ColPoints)]
        {
            for k in [0, 3, len - 1] {
                let (row, col) = (k as u64 / 2, k as u64 % 2);
                let s = Scene::<T>::new(call, 3, 4, 2);
                s.set(name, k, T::NAN);
                s.refused_at(ErrorKind::NotANumber, argument, row, col);
                s.set(name, k, -T::INFINITY);
                s.refused_at(ErrorKind::Infinite, argument, row, col);
                // Finite points whose distance is not.
                s.set(name, k, T::MAX);
                s.refused(ErrorKind::TooLarge, Argument::RowPoints);
            }
        }
        let s = Scene::<T>::new(call, 3, 4, 0);
        s.balance();
        s.accepted();
        s.set("b", 0, T::of(0.26));
        s.refused(ErrorKind::MassMismatch, Argument::ColWeights);

        for (name, len, argument) in
            [("f", 3, Argument::RowPotentials), ("g", 4, Argument::ColPotentials)]
        {
            for k in [0, len - 1] {
                let s = Scene::<T>::new(call, 3, 4, 0);
                s.set(name, k, T::NAN);
                s.options(|o| o.flags = ROT_WARM_START);
                s.refused_at(ErrorKind::NotANumber, argument, k as u64, NOWHERE);
                s.set(name, k, T::INFINITY);
                s.refused_at(ErrorKind::Infinite, argument, k as u64, NOWHERE);
                s.set(name, k, -T::INFINITY);
                s.accepted();
                // A cold start does not look.
                s.set(name, k, T::NAN);
                s.options(|o| o.flags = 0);
                s.accepted();
            }
        }
    }
    for call in [Call::Marginals, Call::Map, Call::Dense] {
        let s = Scene::<T>::new(call, 3, 4, 0);
        s.set("f", 2, T::NAN);
        s.refused_at(ErrorKind::NotANumber, Argument::RowPotentials, 2, NOWHERE);
        s.set("f", 2, -T::INFINITY);
        s.set("g", 3, T::INFINITY);
        s.refused_at(ErrorKind::Infinite, Argument::ColPotentials, 3, NOWHERE);
        s.set("g", 3, -T::INFINITY);
        s.accepted();
    }
}

/// The largest certifiable epsilon of weights that no solve takes is no number to go by.
fn certifiable_epsilon_refuses_bad_weights<T: C>() {
    for (value, kind) in [
        (T::NAN, ErrorKind::NotANumber),
        (T::INFINITY, ErrorKind::Infinite),
        (-T::ONE, ErrorKind::Negative),
    ] {
        for (name, argument) in [("a", Argument::RowWeights), ("b", Argument::ColWeights)] {
            let s = Scene::<T>::new(Call::Certifiable, 3, 4, 0);
            s.set(name, 1, value);
            s.refused(kind, argument);
        }
    }
    let s = Scene::<T>::new(Call::Certifiable, 3, 4, 0);
    s.fill(s.at("b"), &[T::ZERO; 4]);
    s.refused(ErrorKind::ZeroMass, Argument::ColWeights);
}

for_both_precisions! {
    interpreted {
        every_refusal_is_reached
    }
    compiled {
        unknown_values
        values_out_of_range
        bad_data
        certifiable_epsilon_refuses_bad_weights
    }
}
