//! A control loop without heap or operating system that matches eight sensor bins to eight
//! reference bins, and is not fooled by a bin that has gone wrong.
//!
//! `cargo run` shows it on a PC; `cargo build --release --target thumbv7em-none-eabihf` makes the
//! firmware (give it the linker script of your board).
#![cfg_attr(target_os = "none", no_std, no_main)]

use robust_ot::cost::Dense;
use robust_ot::error::Error;
use robust_ot::options::Options;
use robust_ot::problem::Problem;
use robust_ot::view::Mat;

const BINS: usize = 8;

/// Mean displacement of the mass between two histograms, in bins. Mass that would have to travel
/// much further than `sqrt(tau)` bins is left out instead.
fn displacement(
    solver: &mut robust_ot::solver!(f32, BINS, BINS),
    reference: &[f32; BINS],
    measured: &[f32; BINS],
    tau: f32,
) -> Result<f32, Error> {
    let mut cost = [0.0; BINS * BINS];
    for (k, cost) in cost.iter_mut().enumerate() {
        let distance = (k / BINS) as f32 - (k % BINS) as f32;
        *cost = distance * distance;
    }
    let cost = Dense::new(Mat::new(&cost, BINS, BINS)?);
    let problem = Problem::<f32, _>::unbalanced(cost, (reference, tau), (measured, tau), 0.05)?;
    let report = solver.solve(&problem, &Options::new(), &mut ())?;
    let plan = solver.plan(&problem, &report)?;
    let mut moved = 0.0;
    for i in 0..BINS {
        for j in 0..BINS {
            moved += plan.entry(i, j)? * (j as f32 - i as f32);
        }
    }
    Ok(moved / report.mass)
}

const REFERENCE: [f32; BINS] = [0.0, 0.1, 0.4, 0.4, 0.1, 0.0, 0.0, 0.0];
/// The reference moved by one bin, and a tenth of the mass in a bin that has gone wrong.
const MEASURED: [f32; BINS] = [0.0, 0.0, 0.09, 0.36, 0.36, 0.09, 0.0, 0.1];

#[cfg(not(target_os = "none"))]
fn main() -> Result<(), Error> {
    let mut solver = <robust_ot::solver!(f32, BINS, BINS)>::new();
    for tau in [1000.0, 8.0] {
        let shift = displacement(&mut solver, &REFERENCE, &MEASURED, tau)?;
        println!("tau {tau:6}: the histogram has moved by {shift:.3} bins");
    }
    Ok(())
}

#[cfg(target_os = "none")]
mod firmware {
    use core::sync::atomic::{AtomicU32, Ordering};

    /// What the rest of the firmware reads: the displacement's bits.
    #[unsafe(no_mangle)]
    static DISPLACEMENT: AtomicU32 = AtomicU32::new(0);

    /// The reset handler.
    #[unsafe(no_mangle)]
    pub extern "C" fn _start() -> ! {
        let mut solver = <robust_ot::solver!(f32, super::BINS, super::BINS)>::new();
        loop {
            let shift = super::displacement(&mut solver, &super::REFERENCE, &super::MEASURED, 8.0);
            DISPLACEMENT.store(shift.unwrap_or(f32::NAN).to_bits(), Ordering::Relaxed);
        }
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        loop {}
    }
}
