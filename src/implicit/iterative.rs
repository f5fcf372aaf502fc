//! The system solved by conjugate gradients: O(n + m) memory, one sweep an iteration.

use super::system::System;
use crate::cost::Geometry;
use crate::kernel::{Precision, add_scaled, dot_potentials};
use crate::math::Elementary;
use crate::real::Real;

/// How a run of conjugate gradients ended.
pub(super) struct Ending<T> {
    /// Sweeps.
    pub(super) iterations: u32,
    /// |residual|.
    pub(super) residual: T,
}

/// Vectors of the length of z.
pub(super) struct Vectors<'a, T> {
    pub(super) direction: &'a mut [T],
    pub(super) product: &'a mut [T],
}

/// Solves for z until |residual| is at most the tolerance; `residual` holds the right-hand side and is used up. Without `null` the system is
/// definite.
pub(super) fn solve<P: Precision, G: Geometry<P>>(
    system: &mut System<'_, P, G>,
    vectors: &mut Vectors<'_, P::Potential>,
    null: Option<&[P::Potential]>,
    residual: &mut [P::Potential],
    z: &mut [P::Potential],
    (tolerance, limit): (P::Potential, u32),
) -> Ending<P::Potential> {
    let level = system.pass.level;
    let zero = P::Potential::ZERO;
    let deflate = |x: &mut [P::Potential]| {
        if let Some(null) = null {
            let part = dot_potentials::<P>(level, null, x);
            add_scaled::<P>(level, -part, null, x);
        }
    };
    z.fill(zero);
    deflate(residual);
    let Vectors { direction, product } = vectors;
    for (direction, &residual) in direction.iter_mut().zip(&*residual) {
        *direction = residual;
    }
    let mut square = dot_potentials::<P>(level, residual, residual);
    let target = tolerance * tolerance;
    let mut iterations = 0;
    while square > target && iterations < limit {
        system.apply(direction, product);
        deflate(product);
        let curvature = dot_potentials::<P>(level, direction, product);
        let definite = curvature > zero;
        if !definite {
            break;
        }
        let step = square / curvature;
        add_scaled::<P>(level, step, direction, z);
        add_scaled::<P>(level, -step, product, residual);
        let next = dot_potentials::<P>(level, residual, residual);
        let factor = next / square;
        for (direction, &residual) in direction.iter_mut().zip(&*residual) {
            *direction = residual + factor * *direction;
        }
        square = next;
        iterations += 1;
    }
    Ending { iterations, residual: square.sqrt() }
}
