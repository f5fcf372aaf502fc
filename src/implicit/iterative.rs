//! Conjugate gradients in the caller's vectors.

use crate::kernel::{Level, Precision, add_scaled, dot_potentials};
use crate::math::Elementary;
use crate::real::Real;

/// A symmetric, positive semidefinite matrix that is known by its products.
pub(crate) trait Symmetric<P: Precision> {
    /// The instruction set.
    fn level(&self) -> Level;

    /// out = matrix times z.
    fn apply(&mut self, z: &[P::Potential], out: &mut [P::Potential]);
}

/// How a run of conjugate gradients ended.
pub(crate) struct Ending<T> {
    /// Products.
    pub(crate) iterations: u32,
    /// |residual|.
    pub(crate) residual: T,
}

/// Vectors of the length of z.
pub(crate) struct Vectors<'a, T> {
    pub(crate) direction: &'a mut [T],
    pub(crate) product: &'a mut [T],
}

/// When a run of conjugate gradients ends.
#[derive(Clone, Copy)]
pub(crate) struct Limits<T> {
    /// At a |residual| of at most this,
    pub(crate) tolerance: T,
    /// after as many products,
    pub(crate) products: u32,
    /// or with a |z| above this, perhaps infinite.
    pub(crate) radius: T,
}

/// Solves for z; `residual` holds the right-hand side and is used up. Without `null` the system is
/// definite.
pub(crate) fn solve<P: Precision>(
    system: &mut impl Symmetric<P>,
    vectors: &mut Vectors<'_, P::Potential>,
    null: Option<&[P::Potential]>,
    residual: &mut [P::Potential],
    z: &mut [P::Potential],
    limits: Limits<P::Potential>,
) -> Ending<P::Potential> {
    let level = system.level();
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
    let Limits { tolerance, products: limit, radius } = limits;
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
        if radius.is_finite() && dot_potentials::<P>(level, z, z) > radius * radius {
            break;
        }
    }
    Ending { iterations, residual: square.sqrt() }
}
