//! When an iteration comes to what it is to come to.

/// What is true of the plan of the current potentials.
#[derive(Clone, Copy)]
pub(crate) struct Evaluated {
    /// The objective without entropy; for a balanced problem that of the rounded plan.
    pub(crate) objective: f64,
    /// What the stopping rule compares with the target: a certified distance from the optimum; for a
    /// balanced problem 8 |C| times the violation of the marginals.
    pub(crate) distance: f64,
}

/// An iteration. A step updates both sides: two of the papers' iterations.
pub(crate) trait Run {
    fn step(&mut self);
    fn evaluate(&self) -> Evaluated;
    fn save(&self) -> Vec<f64>;
    fn restore(&mut self, saved: &[f64]);
}

/// Steps after which something holds.
#[derive(Clone, Copy, Default)]
pub(crate) struct Milestones {
    /// The objective is within the target of the optimum for the first time.
    pub(crate) first: u64,
    /// And stays so, as far as was looked: a quarter more steps than the stop.
    pub(crate) always: u64,
    /// The stopping rule holds.
    pub(crate) stop: u64,
}

/// Looks ever more rarely (64 times while the steps double), and at every step between two looks that
/// differ.
pub(crate) fn watch(run: &mut impl Run, target: f64, optimum: f64) -> Milestones {
    let (mut first, mut outside, mut stop) = (None, 0, None);
    let mut look = |run: &dyn Fn() -> Evaluated, step: u64| {
        let Evaluated { objective, distance } = run();
        let flags = (objective - optimum <= target, distance <= target);
        if flags.0 {
            first = first.or(Some(step));
        } else {
            outside = step;
        }
        if flags.1 {
            stop = stop.or(Some(step));
        }
        (flags, first, outside, stop)
    };
    let (mut before, mut saved, mut flags_before) = (0_u64, run.save(), (false, false));
    loop {
        let step = before + (before / 64).max(1);
        for _ in before..step {
            run.step();
        }
        let (objective, distance) = {
            let Evaluated { objective, distance } = run.evaluate();
            (objective, distance)
        };
        let flags = (objective - optimum <= target, distance <= target);
        let now = run.save();
        if flags != flags_before && step > before + 1 {
            run.restore(&saved);
            for k in before + 1..step {
                run.step();
                look(&|| run.evaluate(), k);
            }
            run.step();
        }
        let (_, first, outside, stop) = look(&|| Evaluated { objective, distance }, step);
        if let (Some(first), Some(stop)) = (first, stop)
            && step > stop + stop / 4
        {
            return Milestones { first, always: outside + 1, stop };
        }
        assert!(step < 20_000_000, "no end: {step} steps");
        (before, saved, flags_before) = (step, now, flags);
    }
}
