//! A solver that owns its memory, of a capacity fixed at compile time: for firmware in Rust.
//!
//! ```
//! use robust_ot::cost::Dense;
//! use robust_ot::options::Options;
//! use robust_ot::problem::Problem;
//! use robust_ot::view::Mat;
//!
//! // Up to 8 rows and 8 columns; `static` memory is zero and costs no flash.
//! static SOLVER: std::sync::Mutex<robust_ot::solver!(f32, 8, 8)> =
//!     std::sync::Mutex::new(<robust_ot::solver!(f32, 8, 8)>::new());
//!
//! let cost = [0.0, 1.0, 1.0, 0.0];
//! let weights = [0.5, 0.5];
//! let dense = Dense::new(Mat::new(&cost, 2, 2)?);
//! let problem = Problem::<f32, _>::balanced(dense, &weights, &weights, 0.1)?;
//! let mut solver = SOLVER.lock().unwrap();
//! let report = solver.solve(&problem, &Options::new(), &mut ())?;
//! assert!(report.converged());
//! assert!((solver.plan(&problem, &report)?.entry(0, 0)? - 0.5).abs() < 1e-3);
//! # Ok::<(), robust_ot::error::Error>(())
//! ```

use heapless::Vec;

use crate::cost::Geometry;
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::Precision;
use crate::options::Options;
use crate::plan::Plan;
use crate::problem::Problem;
use crate::real::Real;
use crate::report::{Observer, Report};
use crate::sinkhorn::{solve, work_len};

/// Potentials and work for problems of up to N rows and M columns; W is the work length, which
/// [`solver!`](crate::solver) fills in.
#[derive(Debug)]
pub struct Solver<P: Precision, const N: usize, const M: usize, const W: usize> {
    f: Vec<P::Potential, N>,
    g: Vec<P::Potential, M>,
    work: [P::Work; W],
}

/// The type of a [`Solver`](crate::capacity::Solver): `solver!(f32, N, M)` for a dense cost,
/// `solver!(f32, N, M, D)` for points of up to D dimensions.
#[macro_export]
macro_rules! solver {
    ($t:ty, $n:expr, $m:expr) => {
        $crate::capacity::Solver<$t, { $n }, { $m }, { $crate::sinkhorn::work_len($n, $m, 0) }>
    };
    ($t:ty, $n:expr, $m:expr, $d:expr) => {
        $crate::capacity::Solver<$t, { $n }, { $m }, { $crate::sinkhorn::work_len($n, $m, $d) }>
    };
}

impl<P: Precision, const N: usize, const M: usize, const W: usize> Solver<P, N, M, W> {
    /// An empty solver. Does not compile if W is too short for N and M.
    pub const fn new() -> Self {
        const {
            assert!(N > 0 && M > 0, "a capacity is zero");
            assert!(W >= work_len(N, M, 0), "W is shorter than work_len(N, M, 0)");
        }
        Self { f: Vec::new(), g: Vec::new(), work: [P::Work::ZERO; W] }
    }

    /// Solves a problem; see [`solve`]. A warm start takes up the potentials of the solve before,
    /// and is refused (`Shape`) if that had another shape.
    ///
    /// Errors: as [`solve`]; `TooLarge` if the problem exceeds the capacity.
    pub fn solve<G: Geometry<P>>(
        &mut self,
        problem: &Problem<'_, P, G>,
        options: &Options<P>,
        observer: &mut impl Observer<P::Potential>,
    ) -> Result<Report<P::Potential>, Error> {
        let (n, m) = problem.shape();
        if !options.warm_start {
            let zero = P::Potential::ZERO;
            let too_large = |argument| move |_| Error::new(ErrorKind::TooLarge, argument);
            self.f.resize(n, zero).map_err(too_large(Argument::RowPotentials))?;
            self.g.resize(m, zero).map_err(too_large(Argument::ColPotentials))?;
        }
        solve(problem, options, &mut self.f, &mut self.g, &mut self.work, observer)
    }

    /// Potentials of the rows after a solve, cost units.
    pub fn f(&self) -> &[P::Potential] {
        &self.f
    }

    /// Potentials of the columns after a solve, cost units.
    pub fn g(&self) -> &[P::Potential] {
        &self.g
    }

    /// The plan of the solve that gave `report`. Errors: as [`Plan::new`].
    pub fn plan<'a, G: Geometry<P>>(
        &'a mut self,
        problem: &'a Problem<'_, P, G>,
        report: &Report<P::Potential>,
    ) -> Result<Plan<'a, P, G>, Error> {
        Plan::new(problem, &self.f, &self.g, report.log_mass, &mut self.work)
    }
}

impl<P: Precision, const N: usize, const M: usize, const W: usize> Default for Solver<P, N, M, W> {
    fn default() -> Self {
        Self::new()
    }
}

// A plan never needs more work than the solve before it.
const _: () = {
    let (solve, plan) = (crate::sinkhorn::COEFFICIENTS, crate::plan::COEFFICIENTS);
    assert!(plan.n <= solve.n && plan.m <= solve.m && plan.d <= solve.d);
};
