//! Figure 2: n = 10, tau = 0.1, epsilon = 0.01, costs uniform in [0.01, 1]; how the distances to the
//! optimum shrink from update to update, R_uv = sum |u - u*| / sum |v - v*| over one update of the rows
//! and R_uu = sum |u - u*| / sum |u' - u*| over a whole iteration, in the sup norm, next to
//! tau / (tau + epsilon).

use std::fmt::Write as _;

use robust_ot::barycenter::Options;
use robust_ot::options::{self, Stop};

use crate::Settings;
use crate::barycenter::{Instance, State, Vectors};
use crate::watch::Run;

/// Sum over the measures of the largest distances.
fn apart(x: &Vectors, y: &Vectors) -> f64 {
    let largest = |(x, y): (&Vec<f64>, &Vec<f64>)| {
        x.iter().zip(y).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
    };
    x.iter().zip(y).map(largest).sum()
}

/// Ratios of distances to the optimum along the iterations.
pub(crate) fn figure2(settings: &Settings) {
    let (tau, epsilon) = (0.1, 0.01);
    let rho = tau / (tau + epsilon);
    let runs = settings.runs();
    let mut csv = String::from("measures,run,updates,iteration,R_uv,R_uu\n");
    settings.say(&format!(
        "## Figure 2: contraction, n = 10, {runs} runs; tau / (tau + epsilon) = {rho:.4}\n\n\
         | measures | largest R_uv | largest R_uu | last R_uu, mean | this library: R_uv | R_uu |\n\
         | --- | --- | --- | --- | --- | --- |"
    ));
    for m in [2, 3, 10] {
        let mut largest = [[0.0_f64; 2]; 2];
        let mut last = Vec::new();
        for run in 0..runs {
            settings.progress(&format!("figure 2, {m} measures, run {run}"));
            let seed = 100 * m as u64 + run;
            let instance = Instance::random(seed, (m, 10), (0.01, 1.0), tau, epsilon);
            let base = options::Options::new().stop(Stop::Residual(1e-15)).max_iterations(5000);
            let ([u, v], _) = instance.solved(&Options::new().solve(base));
            for (which, updates) in ["plain", "library"].into_iter().enumerate() {
                let mut state = State::new(&instance, which == 1);
                let (mut before, mut latest) = (f64::NAN, f64::NAN);
                for iteration in 1..400 {
                    let columns = apart(&state.v, &v);
                    state.step();
                    let rows = apart(&state.u, &u);
                    // Nearer to the optimum than that rounding decides.
                    if rows < 1e-9 {
                        break;
                    }
                    let uv = rows / columns;
                    largest[which][0] = largest[which][0].max(uv);
                    write!(csv, "{m},{run},{updates},{iteration},{uv:.6},").unwrap();
                    if iteration > 1 {
                        latest = rows / before;
                        largest[which][1] = largest[which][1].max(latest);
                        write!(csv, "{latest:.6}").unwrap();
                    }
                    csv.push('\n');
                    before = rows;
                }
                if which == 0 {
                    last.push(latest);
                }
            }
        }
        let [plain, library] = largest;
        settings.say(&format!(
            "| {m} | {:.4} | {:.4} | {:.4} | {:.4} | {:.4} |",
            plain[0],
            plain[1],
            last.iter().sum::<f64>() / last.len() as f64,
            library[0],
            library[1]
        ));
        // The first is proved for any number of measures; the second for two.
        assert!(plain[0] <= rho + 1e-6);
        assert!(m > 2 || plain[1] <= rho + 1e-6);
    }
    settings.say("");
    settings.write("figure2.csv", &csv);
}
