//! Pointers: null, misaligned, to memory that is shared and to memory side by side.

use core::mem::size_of;
use core::ptr::null_mut;

use robust_ot::error::{Argument, ErrorKind};

use super::calls::{C, Call, SIZED, for_both_precisions, pointers, writes};
use super::scene::Scene;
use crate::SMALL;

/// What may be NULL.
fn optional(name: &str) -> bool {
    match name {
        "options" | "error" | "transport" | "gradient_options" | "matching_options"
        | "anneal_options" => true,
        // Both potentials or none.
        "loss by f" | "loss by g" => false,
        name => ["loss by", "slope of", "moved", "change of"].iter().any(|x| name.starts_with(x)),
    }
}

fn null_pointers<T: C>() {
    for &call in Call::ALL {
        for d in [0, 2] {
            for (name, argument) in pointers(call, d) {
                let mut s = Scene::<T>::new(call, 3, 4, d);
                s.aim(name, null_mut());
                if name == "gradient_options" && call != Call::Match {
                    // The defaults ask for an optimum.
                    s.refused(ErrorKind::NotConverged, Argument::ForwardTolerance);
                } else if optional(name) {
                    s.accepted();
                } else {
                    s.refused(ErrorKind::Null, argument);
                }
            }
        }
    }
}

fn misaligned_pointers<T: C>() {
    for &call in if SMALL { &[Call::Init, Call::Map] } else { Call::ALL } {
        for d in if SMALL { vec![2] } else { vec![0, 2] } {
            for (name, argument) in pointers(call, d) {
                for shift in if SMALL { vec![2] } else { vec![1, 2] } {
                    let mut s = Scene::<T>::new(call, 3, 4, d);
                    s.aim(name, s.at(name).wrapping_add(shift));
                    s.refused(ErrorKind::Alignment, argument);
                }
            }
        }
    }
}

/// A written range over another argument: from its start, at its last element or with its own
/// last element at the other's first.
fn overlap<T: C>(call: Call, d: usize, one: &str, other: &str, place: &str) {
    // A struct stays where it is, for its contents are looked at first.
    let sized = |name: &str| SIZED.contains(&name);
    let (mover, target) = match (sized(one), sized(other)) {
        (true, false) => (other, one),
        (true, true) if other == "report" => (other, one),
        _ => (one, other),
    };
    let unit = if matches!(mover, "error" | "accuracy") { 8 } else { size_of::<T>() };
    let mut s = Scene::<T>::new(call, 3, 4, d);
    let (at, last) = (s.at(target), s.span(target).saturating_sub(unit) / unit * unit);
    match place {
        "start" => s.aim(mover, at),
        _ if sized(mover) => return,
        "end" => s.aim(mover, at.wrapping_add(last)),
        _ => s.aim(mover, at.wrapping_sub(s.span(mover) - unit)),
    }
    // Work may have come to lie over more than was asked for: each writer in touch with another
    // range may be blamed.
    let ranges: Vec<_> = pointers(call, d)
        .map(|(name, argument)| (name, argument as u32, s.at(name).addr(), s.span(name)))
        .collect();
    let meets = |x: &(&str, u32, usize, usize), y: &(&str, u32, usize, usize)| {
        x.0 != y.0 && x.2 < y.2 + y.3 && y.2 < x.2 + x.3
    };
    let to_blame =
        |x: &(&str, u32, usize, usize)| writes(call, x.0) && ranges.iter().any(|y| meets(x, y));
    let blamed: Vec<u32> = ranges.iter().filter(|x| to_blame(x)).map(|x| x.1).collect();
    let (status, told) = s.refusal();
    // What lies where another struct is does not look like one of these, and is refused for that.
    if !matches!(mover, "state" | "gradient" | "change") {
        let context = format!("{call:?}: {mover} over the {place} of {target}");
        assert_eq!(status, ErrorKind::Overlap as i32, "{context}");
        assert!(told.is_none_or(|e| blamed.contains(&e.argument)), "{context}");
    }
}

fn overlaps<T: C>() {
    for &call in Call::ALL {
        for d in [0, 2] {
            for (one, _) in pointers(call, d).filter(|(name, _)| writes(call, name)) {
                for (other, _) in pointers(call, d).filter(|(name, _)| *name != one) {
                    for place in ["start", "end", "before"] {
                        overlap::<T>(call, d, one, other, place);
                    }
                }
            }
        }
    }
}

/// Ranges side by side share nothing.
fn neighbours<T: C>() {
    for &call in Call::ALL {
        for d in [0, 2] {
            let all: Vec<_> = pointers(call, d).collect();
            for &(one, _) in &all {
                if !writes(call, one)
                    || matches!(one, "work" | "report" | "state" | "gradient" | "change")
                {
                    continue;
                }
                for &(other, _) in all.iter().filter(|p| p.0 != one) {
                    for after in [true, false] {
                        let mut s = Scene::<T>::new(call, 3, 4, d);
                        let (at, size, own) = (s.at(other), s.span(other), s.span(one));
                        let to = if after { at.wrapping_add(size) } else { at.wrapping_sub(own) };
                        if matches!(one, "error" | "accuracy") && !to.addr().is_multiple_of(8) {
                            continue;
                        }
                        s.copy_bytes(to, s.at(one), own);
                        s.aim(one, to);
                        s.accepted();
                    }
                }
            }
        }
    }
}

fn inputs_may_overlap<T: C>() {
    for &call in Call::ALL {
        let mut s = Scene::<T>::new(call, 3, 3, 2);
        s.problem(|p| (p.y, p.b) = (p.x, p.a));
        s.aim("values data", s.at("x"));
        if call.keeps_potentials() {
            s.args.g = s.args.f;
        }
        s.start();
        s.accepted();
        let mut s = Scene::<T>::new(call, 3, 3, 0);
        s.problem(|p| p.b = p.cost.data.wrapping_add(1));
        s.start();
        s.accepted();
    }
}

for_both_precisions! {
    interpreted {
        misaligned_pointers
        inputs_may_overlap
    }
    compiled {
        null_pointers
        overlaps
        neighbours
    }
}
