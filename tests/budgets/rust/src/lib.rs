//! One solve by exact rules, as firmware in Rust makes it: sizes and options known at run time only.
#![cfg_attr(target_os = "none", no_std)]

use robust_ot::cost::Dense;
use robust_ot::error::Error;
use robust_ot::marginal::Rule;
use robust_ot::options::Options;
use robust_ot::problem::Problem;
use robust_ot::report::Termination;
use robust_ot::sinkhorn;
use robust_ot::view::Mat;

/// The largest number of rows and columns.
pub const MOST: usize = 8;
/// Elements of work for them.
pub const WORK_LEN: usize = sinkhorn::work_len(MOST, MOST, 0);

/// The data and the result: `struct board` in `../../rust.c`.
#[repr(C)]
pub struct Board {
    pub rows: usize,
    pub cols: usize,
    pub epsilon: f32,
    pub max_iterations: u32,
    pub objective: f32,
    pub argument: u32,
    pub row: u32,
    pub col: u32,
    pub cost: [f32; MOST * MOST],
    pub a: [f32; MOST],
    pub b: [f32; MOST],
    pub f: [f32; MOST],
    pub g: [f32; MOST],
    pub work: [f32; WORK_LEN],
}

fn solve(board: &mut Board) -> Result<Option<Termination>, Error> {
    let Board { rows, cols, epsilon, max_iterations, objective, cost, a, b, f, g, work, .. } =
        board;
    let (n, m) = (*rows, *cols);
    let (Some(a), Some(b)) = (a.get(..n), b.get(..m)) else { return Ok(None) };
    let (Some(f), Some(g)) = (f.get_mut(..n), g.get_mut(..m)) else { return Ok(None) };
    let cost = Dense::new(Mat::new(cost, n, m)?);
    let problem = Problem::<f32, _>::new(cost, (a, Rule::Exact), (b, Rule::Exact), *epsilon)?;
    let options = Options::new().max_iterations(u64::from(*max_iterations));
    let report = sinkhorn::solve(&problem, &options, f, g, work, &mut ())?;
    *objective = report.objective;
    Ok(Some(report.termination))
}

/// How the solve ended, or the error, all of which is kept; -1 for what does not fit the board.
#[unsafe(no_mangle)]
pub extern "C" fn budget_solve(board: &mut Board) -> i32 {
    match solve(board) {
        Ok(Some(termination)) => termination as i32,
        Ok(None) => -1,
        Err(Error { kind, argument, row, col, .. }) => {
            (board.argument, board.row, board.col) = (argument as u32, row as u32, col as u32);
            kind as i32
        }
    }
}

#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
