//! The logarithm of Wright's omega function.

use super::Elementary;

/// The root y of y + e^y = x: error below 2e-15 (1 + |y|). Minus infinity gives a number below
/// -1e300, NaN gives NaN.
///
/// Two steps of Householder's method of order 4 from x (x <= 0), 0 (x <= 1) or ln x, which all lie
/// at or above the root: no branches, three exponentials' time.
#[inline(always)]
pub(crate) fn log_omega(x: f64) -> f64 {
    let x = if x < -1e300 { -1e300 } else { x };
    let above = Elementary::ln(if x > 1.0 { x } else { 1.0 });
    let mut y = if x <= 0.0 { x } else { above };
    for _ in 0..2 {
        let e = Elementary::exp(y);
        let slope = 1.0 + e;
        let (step, bend) = ((y + e - x) / slope, e / slope);
        let bent = bend * step;
        y -= step * (1.0 - 0.5 * bent) / (1.0 - bent + bent * step * (1.0 / 6.0));
    }
    if x.is_nan() { x } else { y }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The residual y + e^y - x over its slope: the error of y, for which e^y need not be exact
    /// where it is small.
    #[test]
    fn the_equation_holds() {
        let mut worst: f64 = 0.0;
        let mut look = |x: f64| {
            let y = log_omega(x);
            let e = libm::exp(y);
            let error = (y + e - x) / ((1.0 + e) * (1.0 + y.abs()));
            worst = worst.max(error.abs());
            assert!(error.abs() < 2e-15, "{x:e}: {y:e}, {error:e}");
        };
        for k in -60_000..60_000 {
            look(f64::from(k) * 1e-3);
        }
        for k in 0..400 {
            let size = libm::pow(10.0, f64::from(k) / 20.0);
            look(size);
            look(-size);
        }
        for x in
            [0.0, 1.0, f64::MIN_POSITIVE, -f64::MIN_POSITIVE, 1.0f64.next_up(), 1.0f64.next_down()]
        {
            look(x);
        }
        assert!(worst > 1e-17);
    }

    /// From 40 decimal digits.
    #[test]
    fn known_values() {
        for (x, y) in [
            (0.0, -0.567_143_290_409_783_8),
            (1.0, 0.0),
            (1.0 + core::f64::consts::E, 1.0),
            (-5.0, -5.006_693_000_497_731),
            (100.0, 4.558_513_354_424_168),
        ] {
            assert!((log_omega(x) - y).abs() <= 1e-15 * (1.0 + y.abs()), "{x}");
        }
    }

    #[test]
    fn special_values() {
        assert!(log_omega(f64::NEG_INFINITY) <= -1e300);
        assert!(log_omega(f64::NAN).is_nan());
    }
}
