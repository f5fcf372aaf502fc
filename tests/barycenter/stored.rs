//! The stored instances, in every precision.

use super::common::barycenter::{Instance, Solved, Task, stored, tight};
use super::common::case::Number;

fn largest_difference<T: Number>(x: &[T], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len());
    x.iter().zip(y).map(|(x, y)| (x.to_f64() - y).abs()).fold(0.0, f64::max)
}

fn check<T: Number>(instance: &Instance, task: &Task<T>, tolerance: T, bound: f64) {
    let solved: Solved<T> = task.solve(&tight(tolerance));
    let (name, report) = (&instance.name, &solved.report);
    assert!(report.converged(), "{name}: {report:?}");
    let error = largest_difference(&solved.barycenter, &instance.barycenter);
    assert!(error <= bound, "{name}: barycenter off by {error:e}");
    let scale = instance.objective.abs().max(task.largest_cost());
    let error = (report.objective.to_f64() - instance.objective).abs() / scale;
    assert!(error <= bound, "{name}: objective off by {error:e}");
    let error = (report.mass.to_f64() - instance.mass).abs();
    assert!(error <= bound, "{name}: mass off by {error:e}");
    // Plans of unit mass, from the potentials alone.
    let (mut first, n) = (0, task.support);
    for (i, (measure, plan)) in instance.task.measures.iter().zip(&instance.plans).enumerate() {
        let rows = measure.weights.len();
        let entry = |l: usize, j: usize| {
            let sum = solved.f[first + l].to_f64() + solved.g[i * n + j].to_f64();
            ((sum - measure.cost[l * n + j]) / instance.task.epsilon).exp() / report.mass.to_f64()
        };
        for l in 0..rows {
            for j in 0..n {
                let error = (entry(l, j) - plan[l * n + j]).abs();
                assert!(error <= bound, "{name}: plan {i} at ({l}, {j}) off by {error:e}");
            }
        }
        first += rows;
    }
}

#[test]
fn stored_barycenters_are_met() {
    let instances = stored();
    assert_eq!(instances.len(), 7);
    let (mut single, mut weighted) = (0, 0);
    for instance in &instances {
        check(instance, &instance.task, 1e-11, 1e-9);
        let shares: Vec<f64> = instance.task.measures.iter().map(|m| m.share).collect();
        weighted += usize::from(shares.iter().any(|&w| w != shares[0]));
        if instance.task.epsilon / instance.task.largest_cost() >= 0.02 {
            check(instance, &instance.task.to::<f32>(), 4e-6, 1e-5);
            single += 1;
        }
    }
    assert!(single >= 5 && weighted >= 4, "{single} {weighted}");
}
