//! Gradients.

use robust_ot::error::ErrorKind;

use super::calls::{C, Call};
use super::scene::Scene;

/// Two blocks of many equal rows. The sum of a column is rounded down, so that an eigenvalue comes
/// out above 1 by more than the regularisation of the direct method.
pub(crate) fn singular<T: C>(call: Call) -> Scene<T> {
    const ROWS: usize = 20_000;
    for k in 1..20 {
        let s = Scene::<T>::new(call, ROWS, 2, 0);
        s.balance();
        s.fill(s.at("f"), &vec![T::of(-0.01 * f64::from(k)); ROWS]);
        s.fill(s.at("g"), &[T::ZERO; 2]);
        for i in 0..ROWS {
            s.set("cost", 2 * i + i % 2, T::INFINITY);
            s.set("cost", 2 * i + 1 - i % 2, T::ZERO);
        }
        if s.run() == ErrorKind::Singular as i32 {
            return s;
        }
    }
    panic!("no system is singular");
}
