//! The optimum with its linear system: what derivatives in both directions share.

use super::direct::Factor;
use super::form::Form;
use super::iterative::{self, Limits, Symmetric, Vectors};
use super::layout::Work;
use super::system::{System, each_row};
use super::vjp::{Method, Optimum, Options};
use crate::cost::{Geometry, Pass, Scratch};
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{
    Level, Precision, add_entries, add_products, add_scaled, dot_potentials, entry_sum,
    weighted_sum,
};
use crate::marginal::{Answer, Side, total};
use crate::math::Elementary;
use crate::plan::copy_counting;
use crate::problem::Problem;
use crate::real::Real;
use crate::work::padded;

/// A matrix of the plan's shape that meets the plan entry by entry, made row by row.
pub(super) trait RowSource<P: Precision> {
    /// Row i, finite everywhere.
    fn row(
        &self,
        i: usize,
        cost: &[P::Cost],
        f: P::Potential,
        g: &[P::Potential],
        out: &mut [P::Potential],
    );

    /// Whether it is zero everywhere, so that no system has to be solved.
    fn is_zero(&self) -> bool;
}

/// Vectors of one side of the system, in the coordinates of its form.
pub(super) struct Lane<'a, T> {
    /// Marginal of the plan.
    pub(super) r: &'a mut [T],
    /// Right-hand side.
    pub(super) h: &'a mut [T],
    /// h less what the other side sends.
    pub(super) q: &'a mut [T],
    /// T q + source.
    pub(super) u: &'a mut [T],
    /// What does not come from the plan.
    pub(super) source: &'a mut [T],
}

/// The whole scene.
pub(super) struct Stage<'a, P: Precision, G> {
    pub(super) row_side: Side<'a, P>,
    pub(super) col_side: Side<'a, P>,
    pub(super) multipliers: [P::Potential; 2],
    /// The caller's potentials, which are the rules' own.
    potentials: [&'a [P::Potential]; 2],
    pub(super) system: System<'a, P, G>,
    pub(super) rows: Lane<'a, P::Potential>,
    pub(super) cols: Lane<'a, P::Potential>,
    /// Sum of the plan.
    pub(super) mass: P::Potential,
    pub(super) forward_residual: P::Potential,
    /// |residual| over |right-hand side| of the system, and iterations.
    pub(super) residual: P::Potential,
    pub(super) iterations: u32,
    /// A solution longer than this (scaled) need not be found, and one without end is taken this far; infinite
    /// unless changed.
    pub(super) radius: P::Potential,
    /// One row of the plan's shape.
    pub(super) row: &'a mut [P::Potential],
    /// A point, and all points of the columns coordinate by coordinate.
    pub(super) point: &'a mut [P::Potential],
    pub(super) points: &'a mut [P::Potential],
    factor: Factor<'a, P>,
    /// Of the length of z: the solution, the right-hand side, two more, and the null vector.
    vectors: [&'a mut [P::Potential]; 5],
}

impl<'a, P: Precision, G: Geometry<P>> Stage<'a, P, G> {
    /// The scene at an optimum with the caller's potentials.
    ///
    /// Errors: `WorkTooSmall`, `MassMismatch`, `NotConverged`.
    pub(super) fn new(
        problem: &'a Problem<'_, P, G>,
        optimum: Optimum<'a, P>,
        options: &Options<P::Potential>,
        source: &impl RowSource<P>,
        work: &'a mut [P::Work],
    ) -> Result<Self, Error> {
        let offset = problem.epsilon() * problem.reference_factor();
        let mut stage = Self::set(problem, (optimum, offset), options, source, (&[], work))?;
        let [row_multiplier, col_multiplier] = optimum.multipliers;
        stage.forward_residual =
            (stage.row_side.kkt_residual(row_multiplier, optimum.f, stage.rows.r)
                + stage.col_side.kkt_residual(col_multiplier, optimum.g, stage.cols.r))
                / stage.mass;
        let solved = stage.forward_residual <= options.forward_tolerance;
        if solved {
            Ok(stage)
        } else {
            Err(Error::new(ErrorKind::NotConverged, Argument::ForwardTolerance))
        }
    }

    /// Copies the potentials (with `offset` log w added, which makes them counting ones), finds the
    /// plan's marginals and, in `h`, the sums over rows and columns of the plan times the source. A plan
    /// that the caller keeps, whose source is zero, is not made again.
    ///
    /// Errors: `WorkTooSmall`, `MassMismatch`.
    pub(super) fn set(
        problem: &'a Problem<'_, P, G>,
        (optimum, offset): (Optimum<'a, P>, P::Potential),
        options: &Options<P::Potential>,
        source: &impl RowSource<P>,
        (kept, work): (&'a [P::Sum], &'a mut [P::Work]),
    ) -> Result<Self, Error> {
        let (n, m) = problem.shape();
        let geometry = problem.geometry();
        let shape = [n, m, geometry.coordinates()];
        let Some(work) = Work::<P>::cut(work, shape, options.method == Method::Direct) else {
            return Err(Error::new(ErrorKind::WorkTooSmall, Argument::Work));
        };
        let Work { rows, cols, unknowns, point, points, plan, square, panel, mut scratch } = work;
        let [f, r, r0, r1, r2, r3, row_h, row_q, u, row_source] = rows;
        let [g, c, c0, c1, c2, c3, col_h, col_q, v, col_source, scaled, sums, cross0, cross1] =
            cols;
        let [z, rhs, direction, product, null, row] = unknowns;
        let row = row.get_mut(..m).unwrap_or(&mut []);

        let masses = problem.masses();
        problem.check_masses(&masses)?;
        let (row_side, col_side) = problem.sides(&masses, (&[], &[]));
        let (a, b) = problem.weights();
        copy_counting::<P>(f, optimum.f, a, offset);
        copy_counting::<P>(g, optimum.g, b, offset);
        geometry.prepare(&mut scratch);
        let pass = problem.pass(options.level.unwrap_or_else(Level::detect));
        for vector in [&mut *r, &mut *row_h, &mut *row_q, &mut *u, &mut *row_source] {
            vector.fill(P::Potential::ZERO);
        }
        for vector in [&mut *c, &mut *col_h, &mut *col_q, &mut *v, &mut *col_source] {
            vector.fill(P::Potential::ZERO);
        }
        let plan = if kept.is_empty() {
            let sums = [&mut *r, &mut *c, &mut *row_h, &mut *col_h, row];
            look(geometry, pass, (f, g), source, sums, plan, &mut scratch);
            &*plan
        } else {
            each_row((geometry, pass), (f, g), kept, &mut scratch, &mut |i, entries| {
                if let Some(r) = r.get_mut(i) {
                    *r = entry_sum::<P>(pass.level, entries);
                    add_entries::<P>(pass.level, P::Potential::ONE, entries, c);
                }
            });
            kept
        };
        let mass = total(r.iter().copied());
        let system = System {
            geometry,
            pass,
            f,
            g,
            rows: Form::new([r0, r1, r2, r3]),
            cols: Form::new([c0, c1, c2, c3]),
            cross: [cross0, cross1],
            scaled,
            sums,
            scratch,
            plan,
        };
        Ok(Self {
            row_side,
            col_side,
            multipliers: optimum.multipliers,
            potentials: [optimum.f, optimum.g],
            system,
            rows: Lane { r, h: row_h, q: row_q, u, source: row_source },
            cols: Lane { r: c, h: col_h, q: col_q, u: v, source: col_source },
            mass,
            forward_residual: P::Potential::ZERO,
            residual: P::Potential::ZERO,
            iterations: 0,
            radius: P::Potential::INFINITY,
            row,
            point,
            points,
            factor: Factor { square, panel },
            vectors: [z, rhs, direction, product, null],
        })
    }

    /// Whether potentials are defined up to (f + t, g - t).
    pub(super) fn has_gauge(&self) -> bool {
        let [f, g] = self.potentials;
        self.row_side.holds_mass(f, self.rows.r) && self.col_side.holds_mass(g, self.cols.r)
    }

    /// Builds the forms of both sides.
    pub(super) fn build(&mut self) {
        let [row_multiplier, col_multiplier] = self.multipliers;
        let [f, g] = self.potentials;
        self.system.rows.build::<P>(&self.row_side, (row_multiplier, f), self.rows.r, None);
        self.system.cols.build::<P>(&self.col_side, (col_multiplier, g), self.cols.r, None);
        self.system.prepare();
    }

    /// The same where the rules' marginals, in `q`, are not those of the plan. Puts the right-hand side of
    /// Newton's method there, epsilon (r(f) - r), and the moves of potentials that are fixed.
    pub(super) fn build_apart(&mut self) {
        let [row_multiplier, col_multiplier] = self.multipliers;
        let Self { system, rows, cols, row_side, col_side, potentials: [f, g], .. } = self;
        let level = system.pass.level;
        for (form, side, multiplier, f, lane) in [
            (&mut system.rows, row_side, row_multiplier, f, rows),
            (&mut system.cols, col_side, col_multiplier, g, cols),
        ] {
            // Which entries are held depends on the plan's marginal.
            let apart = !side.has_corners();
            side.active_set(multiplier, (f, lane.r), lane.q, lane.source);
            let rule = if apart { Some(&*lane.q) } else { None };
            form.build::<P>(side, (multiplier, f), lane.r, rule);
            if !apart {
                form.source::<P>(level, (Answer::Potential, side.epsilon), lane.r, lane.source);
            }
            let targets = lane.q.iter().zip(&*lane.r).zip(&*form.inverse_root);
            for (h, ((&target, &r), &root)) in lane.h.iter_mut().zip(targets) {
                *h = side.epsilon * (target - r) * root;
            }
        }
        system.prepare();
    }

    /// Solves u = T_row(h - Y v) + source, v = T_col(h - Y^T u) + source, everything scaled, for
    /// u, v and the two q in brackets. Error: `Singular`.
    pub(super) fn solve(&mut self, method: Method<P::Potential>) -> Result<(), Error> {
        let gauge = self.has_gauge();
        let Self { system, rows, cols, factor, vectors, .. } = self;
        let level = system.pass.level;
        let order = system.order();
        let [z, rhs, direction, product, null] = vectors.each_mut().map(|v| v.get_mut(..order));
        let (Some(z), Some(rhs), Some(direction), Some(product), Some(null)) =
            (z, rhs, direction, product, null)
        else {
            return Err(Error::new(ErrorKind::WorkTooSmall, Argument::Work));
        };
        // E_col^T (h_col - Y^T (T_row (h_row - Y source_col) + source_row)).
        if cols.source.iter().any(|&x| x != P::Potential::ZERO) {
            system.times(cols.source, rows.u);
        } else {
            rows.u.fill(P::Potential::ZERO);
        }
        remainder(rows.h, rows.u);
        system.rows.answer::<P>(level, rows.u, rows.q);
        add_scaled::<P>(level, P::Potential::ONE, rows.source, rows.q);
        system.times_transposed(rows.q, cols.q);
        let norm = |x: &[P::Potential]| dot_potentials::<P>(level, x, x).sqrt();
        // The right-hand side may cancel to rounding: errors count against its two parts. (What goes
        // into the rows may be far larger where they have little mass, and says nothing; nor does what a
        // column that gives way never sees.)
        system.cols.contract::<P>(level, cols.h, product);
        system.cols.contract::<P>(level, cols.q, rhs);
        let size = norm(product) + norm(rhs);
        remainder(product, rhs);
        if gauge {
            system.null_vector(cols.r, null);
        }
        let null = if gauge { Some(&*null) } else { None };
        // Where the masses that both sides hold differ, as they may far from an optimum, nothing answers.
        let adrift = null.map_or(P::Potential::ZERO, |null| dot_potentials::<P>(level, null, rhs));
        match method {
            Method::Direct => {
                if !factor.build(system, null) {
                    return Err(Error::new(ErrorKind::Singular, Argument::Method));
                }
                z.fill(P::Potential::ZERO);
                product.fill(P::Potential::ZERO);
                // Once for the solution, once to refine it.
                for _ in 0..2 {
                    remainder(rhs, product);
                    factor.solve(system, product);
                    add_scaled::<P>(level, P::Potential::ONE, product, z);
                    system.apply(z, product);
                }
                remainder(rhs, product);
                if size > P::Potential::ZERO {
                    self.residual = norm(product) / size;
                }
            }
            Method::Iterative { tolerance, max_iterations } => {
                let tolerance = tolerance * size;
                let limits = Limits { tolerance, products: max_iterations, radius: self.radius };
                let mut vectors = Vectors { direction, product };
                let ending = iterative::solve(system, &mut vectors, null, rhs, z, limits);
                self.iterations = ending.iterations;
                if size > P::Potential::ZERO {
                    self.residual = ending.residual / size;
                }
            }
        }
        let without_end = self.radius.is_finite() && adrift.abs() > P::Potential::HALF * size;
        if let Some(null) = null.filter(|_| without_end) {
            let way = if adrift > P::Potential::ZERO { self.radius } else { -self.radius };
            add_scaled::<P>(level, way, null, z);
        }
        // Back to both sides; the last step for the columns brings the error down once more.
        let one = P::Potential::ONE;
        system.cols.expand(z, cols.u);
        add_scaled::<P>(level, one, cols.source, cols.u);
        system.times(cols.u, rows.q);
        remainder(rows.h, rows.q);
        system.rows.answer::<P>(level, rows.q, rows.u);
        add_scaled::<P>(level, one, rows.source, rows.u);
        system.times_transposed(rows.u, cols.q);
        remainder(cols.h, cols.q);
        system.cols.answer::<P>(level, cols.q, cols.u);
        add_scaled::<P>(level, one, cols.source, cols.u);
        Ok(())
    }
}

/// One sweep: the plan's marginals r, c, and the sums of its product with the source over rows and
/// columns. `vectors` are these four, zero, and a row of scratch. The plan is kept where there is room.
fn look<P: Precision, G: Geometry<P>>(
    geometry: &G,
    pass: Pass<P>,
    (f, g): (&[P::Potential], &[P::Potential]),
    source: &impl RowSource<P>,
    vectors: [&mut [P::Potential]; 5],
    plan: &mut [P::Sum],
    scratch: &mut Scratch<'_, P>,
) {
    let [r, c, row_h, col_h, seen] = vectors;
    let nothing = source.is_zero();
    let stride = padded(g.len());
    geometry.plan_rows(pass, f, g, scratch, &mut |row| {
        let (Some(r), Some(h)) = (r.get_mut(row.i), row_h.get_mut(row.i)) else { return };
        let kept = plan.get_mut(row.i * stride..).and_then(|rows| rows.get_mut(..stride));
        let kept = kept.unwrap_or_default();
        let (Some(&f), false) = (f.get(row.i), row.massless) else {
            kept.fill(P::Sum::ZERO);
            return;
        };
        *r = entry_sum::<P>(pass.level, row.entries);
        add_entries::<P>(pass.level, P::Potential::ONE, row.entries, c);
        for (kept, &x) in kept.iter_mut().zip(row.entries) {
            *kept = x;
        }
        kept.get_mut(row.entries.len()..).unwrap_or_default().fill(P::Sum::ZERO);
        if !nothing {
            source.row(row.i, row.cost, f, g, seen);
            *h = weighted_sum::<P>(pass.level, row.entries, seen);
            add_products::<P>(pass.level, row.entries, seen, col_h);
        }
    });
}

/// x = h - x.
fn remainder<T: Real>(h: &[T], x: &mut [T]) {
    for (x, &h) in x.iter_mut().zip(h) {
        *x = h - *x;
    }
}
