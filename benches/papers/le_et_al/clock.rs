//! Processor time, which does not care how busy the machine is. Everything here runs on one thread, so that
//! on an idle machine it is wall time.

use std::sync::OnceLock;
use std::time::Instant;

/// Seconds that this thread has had a processor (Linux); else of the wall clock.
fn now() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    // The account is brought up to date when the thread gives way.
    std::thread::yield_now();
    let account = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = account.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(
        || START.get_or_init(Instant::now).elapsed().as_secs_f64(),
        |nanoseconds| 1e-9 * nanoseconds,
    )
}

/// Seconds of one call: the least of `rounds`, each of as many calls as take 5 ms.
pub(crate) fn seconds(rounds: usize, mut work: impl FnMut()) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..rounds {
        let (start, mut calls) = (now(), 0);
        loop {
            work();
            calls += 1;
            let spent = now() - start;
            if spent > 5e-3 {
                least = least.min(spent / f64::from(calls));
                break;
            }
        }
    }
    least
}
