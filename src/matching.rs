//! Regression without correspondence: predictions and targets whose pairing is lost. The loss is the cost
//! of transporting one to the other, and its gradient trains any model that stands in front (Xie et
//! al. 2021, equations (3) and (11)).

use crate::cost::{Geometry, SCRATCH_COST, SCRATCH_SUM, Scratch};
use crate::error::{Argument, Error, ErrorKind};
use crate::implicit::{self, Cotangent, GradientReport, Gradients, Method, Optimum};
use crate::kernel::{Level, Precision};
use crate::marginal::Rule;
use crate::options;
use crate::problem::{Problem, Reference};
use crate::real::Real;
use crate::report::{Observer, Report};
use crate::sinkhorn;
use crate::view::MatMut;
use crate::work::{Coefficients, WorkLen, misalignment};

/// What epsilon, tau and entropy count in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Unit {
    /// Cost units.
    #[default]
    Absolute = 0,
    /// The largest cost of the call, taken for a constant in the gradient (as in the authors' code).
    Largest = 1,
    /// The largest cost of the call, whose own gradient is part of the loss's.
    LargestDifferentiated = 2,
}

/// Which gradient a training step gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Gradient {
    /// That of the loss <C, X>: the plan moves with the predictions (the hypergradient).
    #[default]
    Full = 0,
    /// That of <C, X> at a fixed plan, which is that of the regularised optimal value. Needs no
    /// linear solve. Neither of the two is uniformly the better.
    Envelope = 1,
}

/// What to match, and how.
#[derive(Clone, Copy, Debug)]
pub struct Options<P: Precision> {
    epsilon: P::Potential,
    rows: Rule<P::Potential>,
    cols: Rule<P::Potential>,
    reference: Reference,
    unit_mass: bool,
    unit: Unit,
    gradient: Gradient,
    solve: options::Options<P>,
    implicit: implicit::Options<P::Potential>,
}

impl<P: Precision> Options<P> {
    /// Balanced transport with this weight of the entropy, cold start, full gradient, direct.
    pub fn new(epsilon: P::Potential) -> Self {
        Self {
            epsilon,
            rows: Rule::Exact,
            cols: Rule::Exact,
            reference: Reference::Counting,
            unit_mass: false,
            unit: Unit::Absolute,
            gradient: Gradient::Full,
            solve: options::Options::new(),
            implicit: implicit::Options::new(),
        }
    }

    /// Rules of the predictions and of the targets; a ball leaves out outliers.
    pub const fn rules(mut self, rows: Rule<P::Potential>, cols: Rule<P::Potential>) -> Self {
        (self.rows, self.cols) = (rows, cols);
        self
    }

    /// What the entropy is taken against. Default: the counting measure.
    pub const fn reference(mut self, reference: Reference) -> Self {
        self.reference = reference;
        self
    }

    /// Whether the best plan of unit mass is asked for, with KL rules on both sides. Default: no.
    pub const fn unit_mass(mut self, unit_mass: bool) -> Self {
        self.unit_mass = unit_mass;
        self
    }

    /// What epsilon, tau and entropy count in. Default: cost units.
    pub const fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// Which gradient. Default: full.
    pub const fn gradient(mut self, gradient: Gradient) -> Self {
        self.gradient = gradient;
        self
    }

    /// How the transport is solved; with `warm_start` from one training step to the next.
    pub const fn solve(mut self, options: options::Options<P>) -> Self {
        self.solve = options;
        self
    }

    /// How the gradient's linear system is solved, and from which residual on there is none.
    pub const fn implicit(mut self, options: implicit::Options<P::Potential>) -> Self {
        self.implicit = options;
        self
    }
}

/// One training step's loss.
#[derive(Clone, Copy, Debug)]
pub struct Step<T> {
    /// <C, X>.
    pub loss: T,
    /// The largest cost; 0 if it was not looked for.
    pub largest_cost: T,
    /// The solve; `epsilon` in cost units.
    pub solve: Report<T>,
    /// The gradient's scalars, or why there is no gradient, and none was written: `NotConverged` if
    /// the potentials' residual is above the tolerance of a gradient, `Singular` if its linear
    /// system is singular in this precision (f32 at small epsilon: use the iterative method).
    pub gradient: Result<GradientReport<T>, Error>,
}

const SCRATCH: Coefficients = SCRATCH_COST.and(SCRATCH_SUM).and(Coefficients::ALIGNMENT);

/// Elements of work for n predictions, m targets and points of dimension d (0 for a dense cost);
/// `usize::MAX` if that overflows. The same number for f32 and f64.
pub const fn work_len(n: usize, m: usize, d: usize, direct: bool) -> usize {
    let solve = WorkLen::of(sinkhorn::work_len(n, m, d));
    let gradient = WorkLen::of(implicit::work_len(n, m, d, direct));
    solve.or(gradient).or(SCRATCH.at(n, m, d)).len()
}

/// The loss of a matching, and its gradients with respect to predictions and targets (`x` and `y` of
/// the gradients, if the cost comes from [`crate::cost::Points`]) or with respect to the caller's own
/// cost matrix (`cost`, which the caller's chain rule takes further), and the weights.
///
/// `f` (n) and `g` (m) hold the potentials: the start of a warm start, and the result. The weights a and
/// b usually are uniform. `work` has at least [`work_len`] elements.
///
/// Errors: those of [`sinkhorn::solve`] and [`implicit::vjp`] for what does not fit; nothing but work
/// was written then.
#[allow(clippy::too_many_arguments, reason = "what is matched, how, and where the results go")]
pub fn step<P: Precision, G: Geometry<P>>(
    geometry: G,
    (a, b): (&[P::Cost], &[P::Cost]),
    options: &Options<P>,
    f: &mut [P::Potential],
    g: &mut [P::Potential],
    mut gradients: Gradients<'_, P>,
    work: &mut [P::Work],
    observer: &mut impl Observer<P::Potential>,
) -> Result<Step<P::Potential>, Error> {
    let (n, m, d) = (geometry.rows(), geometry.cols(), geometry.dimension());
    let direct = options.implicit.method_of() == Method::Direct;
    gradients.check([n, m, geometry.coordinates()])?;
    options.implicit.check()?;
    options.solve.check_sweep()?;
    if work_len(n, m, d, direct) == usize::MAX {
        return Err(Error::new(ErrorKind::TooLarge, Argument::Cost));
    }
    if work.len() < work_len(n, m, d, direct) {
        return Err(Error::new(ErrorKind::WorkTooSmall, Argument::Work));
    }
    let one = P::Potential::ONE;
    let largest = match options.unit {
        Unit::Absolute => None,
        _ => largest::<P, G>(&geometry, [n, m, d], work)?,
    };
    let unit = largest.map_or(one, |(cost, _, _)| P::widen(cost));
    let rules = [options.rows, options.cols].map(|rule| rule.in_units_of(unit));
    let [rows, cols] = rules;
    let problem = Problem::<P, G>::new(geometry, (a, rows), (b, cols), options.epsilon * unit)?
        .reference(options.reference);
    let problem = if options.unit_mass { problem.unit_mass()? } else { problem };
    // A plain solve, whatever room the gradient has.
    let ((n, m), d) = (problem.shape(), problem.geometry().dimension());
    let plain = sinkhorn::work_len(n, m, d).min(work.len());
    let (own, _) = work.split_at_mut_checked(plain).unwrap_or((&mut [], &mut []));
    let report = sinkhorn::solve(&problem, &options.solve, f, g, own, observer)?;

    let cotangent = match options.gradient {
        Gradient::Full => Cotangent::new().transport_cost(one),
        Gradient::Envelope => Cotangent::new().value(one),
    };
    let optimum = Optimum::new(f, g, &report);
    let outputs = gradients.lend();
    let found = implicit::vjp(&problem, optimum, &cotangent, &options.implicit, outputs, work);
    // The potentials are written: this is no refusal any more. Data that the solve trusted may be what
    // no gradient takes, and no optimum has it.
    let found = found.map_err(|error| match error.kind {
        ErrorKind::NotConverged | ErrorKind::Singular => error,
        _ => Error::new(ErrorKind::NotConverged, Argument::ForwardTolerance),
    });
    if let (Ok(found), Some((_, i, j)), Unit::LargestDifferentiated, Gradient::Full) =
        (&found, largest, options.unit, options.gradient)
    {
        let slope = options.epsilon * found.epsilon
            + options.rows.scaled_slope(found.row_rule)
            + options.cols.scaled_slope(found.col_rule);
        add_largest(&problem, (i, j), slope, &mut gradients);
    }
    let largest_cost = if largest.is_some() { unit } else { P::Potential::ZERO };
    Ok(Step { loss: report.transport_cost, largest_cost, solve: report, gradient: found })
}

/// The largest cost and where it is. Error: `Epsilon` if it is no positive number to count in.
fn largest<P: Precision, G: Geometry<P>>(
    geometry: &G,
    [n, m, d]: [usize; 3],
    work: &mut [P::Work],
) -> Result<Option<(P::Cost, usize, usize)>, Error> {
    let short = Error::new(ErrorKind::WorkTooSmall, Argument::Work);
    let skip = misalignment(work);
    let mut work = work.get_mut(skip..).ok_or(short)?;
    let lens = [SCRATCH_COST.at(n, m, d).len(), 0, SCRATCH_SUM.at(n, m, d).len()];
    let buffers = P::cut(&mut work, lens).ok_or(short)?;
    let mut scratch = Scratch::none();
    scratch.cut(buffers.cost, buffers.sum, m, d).ok_or(short)?;
    geometry.prepare(&mut scratch);
    let found = geometry.largest(Level::detect(), &mut scratch);
    match found {
        Some((cost, _, _)) if cost > P::Cost::ZERO => Ok(found),
        _ => Err(Error::new(ErrorKind::Epsilon, Argument::Cost)),
    }
}

/// Adds the gradient of the largest cost, which stands at (i, j), times a slope.
fn add_largest<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    (i, j): (usize, usize),
    slope: P::Potential,
    gradients: &mut Gradients<'_, P>,
) {
    let add = |out: &mut Option<MatMut<'_, P::Cost>>, i: usize, j: usize, x: P::Potential| {
        if let Some(out) = out
            && let Some(held) = out.get(i, j)
        {
            out.set(i, j, P::cost_of(P::narrow(P::widen(held) + x)));
        }
    };
    add(&mut gradients.cost, i, j, slope);
    for k in 0..problem.geometry().coordinates() {
        let part = problem.geometry().slope(i, j, k).unwrap_or(P::Potential::ZERO);
        add(&mut gradients.x, i, k, slope * part);
        add(&mut gradients.y, j, k, -(slope * part));
    }
}
