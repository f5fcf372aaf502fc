//! Stored gradients against ours.

use super::common::golden::transport;
use robust_ot::cost::Dense;
use robust_ot::implicit::{self, Cotangent, Gradients, Method, Optimum};
use robust_ot::options::{Options, Stop};
use robust_ot::problem::Problem;
use robust_ot::sinkhorn::{solve, work_len};
use robust_ot::view::{Mat, MatMut};

/// |found - stored| <= relative * largest stored + absolute, for every entry.
fn close(what: &str, found: &[f64], stored: &[f64], relative: f64) {
    let scale = stored.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let worst = found.iter().zip(stored).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
    println!("{what}: off by {worst:e} of {scale:e}");
    assert!(found.iter().all(|x| x.is_finite()), "{what}: {found:?}");
    assert!(worst <= relative * scale + 1e-8, "{what}: {found:?} against {stored:?}");
}

const ITERATIVE: Method<f64> = Method::Iterative { tolerance: 1e-13, max_iterations: 1000 };

#[test]
fn stored_gradients() {
    let mut seen = 0;
    for i in transport() {
        let Some(stored) = &i.gradient else { continue };
        let (n, m) = (i.rows, i.cols);
        let problem = Problem::<f64, _>::new(
            Dense::new(Mat::new(&i.cost, n, m).unwrap()),
            (&i.a, i.row),
            (&i.b, i.col),
            i.epsilon,
        )
        .unwrap();
        let options = Options::new().stop(Stop::Residual(1e-14)).max_iterations(100_000);
        let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
        let mut work = vec![0.0; work_len(n, m, 0)];
        let report = solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();

        let cotangent = Cotangent::new().plan(Mat::new(&stored.cotangent, n, m).unwrap());
        let optimum = Optimum::new(&f, &g, &report);
        for method in [Method::Direct, ITERATIVE] {
            let options = implicit::Options::new().method(method);
            let (mut cost, mut a, mut b) =
                (vec![f64::NAN; n * m], vec![f64::NAN; n], vec![f64::NAN; m]);
            let gradients = Gradients {
                cost: Some(MatMut::new(&mut cost, n, m).unwrap()),
                a: Some(&mut a),
                b: Some(&mut b),
                ..Default::default()
            };
            let mut work = vec![f64::NAN; implicit::work_len(n, m, 0, method == Method::Direct)];
            let found =
                implicit::vjp(&problem, optimum, &cotangent, &options, gradients, &mut work)
                    .unwrap();
            println!("{} {method:?}: {found:?}", i.name);
            let tolerance = if i.name.contains("offset") { 1e-5 } else { 1e-6 };
            close("cost", &cost, &stored.cost, tolerance);
            for (what, stored, found, slack) in [
                ("a", &stored.a, &a, report.row_multiplier == 0.0),
                ("b", &stored.b, &b, report.col_multiplier == 0.0),
            ] {
                let Some(stored) = stored else { continue };
                let found = stored.of(found);
                if i.name.contains("rho5") && slack {
                    assert!(found.iter().all(|&x| x == 0.0), "{found:?}");
                } else {
                    close(what, &found, &stored.values, tolerance);
                }
            }
        }
        seen += 1;
    }
    assert!(seen >= 22, "{seen}");
}
