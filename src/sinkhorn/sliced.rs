//! The solver as its users see it: with a report of its own.

use super::solver::{Iteration, State};
use crate::cost::Geometry;
use crate::error::Error;
use crate::kernel::Precision;
use crate::options::Options;
use crate::problem::Problem;
use crate::report::{Observer, Progress, Report, Termination};

/// Solves a problem: [`Sinkhorn::new`], steps of `check_every` iterations with the observer in
/// between, [`Sinkhorn::finish`].
///
/// Potentials `f` (n) and `g` (m), cost units, are the result; they are read first if the options
/// ask for a warm start. `work` has at least [`super::work_len`] elements; its contents do not
/// matter. Cost: iterations times n m exponentials.
///
/// Errors: every [`crate::error::ErrorKind`] from `Empty` on; nothing but work was written then.
pub fn solve<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    options: &Options<P>,
    f: &mut [P::Potential],
    g: &mut [P::Potential],
    work: &mut [P::Work],
    observer: &mut impl Observer<P::Potential>,
) -> Result<Report<P::Potential>, Error> {
    // (A firmware has this one solve, of which nothing need be a call.)
    let mut iteration = Iteration::idle_in_place(problem, options, f, g);
    iteration.begin(work)?;
    let mut report = Report::unknown();
    iteration.run(observer, &mut report);
    iteration.conclude(&mut report);
    Ok(report)
}

/// A solve in slices: [`Sinkhorn::new`], any number of [`Sinkhorn::step`]s, [`Sinkhorn::finish`].
/// In between the potentials belong to the solver.
pub struct Sinkhorn<'a, P: Precision, G> {
    iteration: Iteration<'a, P, G>,
    report: Report<P::Potential>,
}

impl<'a, P: Precision, G: Geometry<P>> Sinkhorn<'a, P, G> {
    /// Validates everything, then writes the start into the potentials.
    ///
    /// Errors as [`solve`].
    pub fn new(
        problem: &'a Problem<'a, P, G>,
        options: &'a Options<P>,
        f: &'a mut [P::Potential],
        g: &'a mut [P::Potential],
        work: &'a mut [P::Work],
    ) -> Result<Self, Error> {
        let mut iteration = Iteration::idle(problem, options, f, g);
        iteration.begin(work)?;
        Ok(Self { iteration, report: Report::unknown() })
    }

    /// Takes up a solve whose [`State`] was kept: same problem, options, potentials and work.
    ///
    /// Errors: `Shape` and `WorkTooSmall` as [`Sinkhorn::new`].
    pub fn resume(
        problem: &'a Problem<'a, P, G>,
        options: &'a Options<P>,
        f: &'a mut [P::Potential],
        g: &'a mut [P::Potential],
        work: &'a mut [P::Work],
        state: State<P>,
    ) -> Result<Self, Error> {
        let mut iteration = Iteration::idle(problem, options, f, g);
        iteration.state = state;
        iteration.take_up(work)?;
        Ok(Self { iteration, report: Report::unknown() })
    }

    /// The scalars of the solve, to be kept for [`Sinkhorn::resume`].
    pub fn state(&self) -> State<P> {
        self.iteration.state
    }

    /// Where the solve stands.
    pub fn progress(&self) -> Progress<P::Potential> {
        self.iteration.progress()
    }

    /// Ends the solve here; what comes next is [`Sinkhorn::finish`].
    pub fn stop(&mut self) {
        self.iteration.stop();
    }

    /// At most `iterations` sweeps; says how the solve ended once it did.
    pub fn step(&mut self, iterations: u64) -> Option<Termination> {
        self.iteration.step(iterations, &mut self.report)
    }

    /// Evaluates the potentials, in one more sweep unless the latest step did, and hands them over.
    pub fn finish(mut self) -> Report<P::Potential> {
        self.iteration.conclude(&mut self.report);
        self.report
    }
}
