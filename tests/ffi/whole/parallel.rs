//! The hook for the host's threads: who calls it, with how much room, and what it changes (nothing).

use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};

use robust_ot::ffi::sinkhorn::{
    rot_sinkhorn_fast_work_len, rot_sinkhorn_parallel_fast_work_len,
    rot_sinkhorn_parallel_work_len, rot_sinkhorn_work_len,
};
use robust_ot::ffi::types as c;
use robust_ot::ffi::{ROT_SWEEP_LOG, ROT_SWEEP_SCALING};

use super::calls::{C, Call, for_both_precisions};
use super::scene::Scene;
use crate::SMALL;

/// What a host has seen.
#[derive(Default)]
struct Host {
    calls: AtomicUsize,
    most: AtomicUsize,
}

/// A pointer that may go to another thread.
#[derive(Clone, Copy)]
struct Sent(*mut c_void);

// SAFETY: the library says that its argument may.
unsafe impl Send for Sent {}

impl Sent {
    fn get(self) -> *mut c_void {
        self.0
    }
}

/// The first task on the calling thread, the second on another, twice, and one that does not exist; the
/// others are left out.
unsafe extern "C" fn host(
    context: *mut c_void,
    tasks: usize,
    task: c::rot_task,
    argument: *mut c_void,
) {
    // SAFETY: the host that the options hold; it is changed through atomics alone.
    let host = unsafe { &*context.cast::<Host>() };
    host.calls.fetch_add(1, Ordering::Relaxed);
    host.most.fetch_max(tasks, Ordering::Relaxed);
    let sent = Sent(argument);
    std::thread::scope(|scope| {
        // SAFETY: the task and its argument, before this function returns.
        scope.spawn(move || unsafe { task(sent.get(), 1) });
        // SAFETY: as above.
        unsafe { task(argument, 0) };
        // SAFETY: as above.
        unsafe { task(argument, 1) };
        // SAFETY: as above.
        unsafe { task(argument, tasks) };
    });
}

/// A scene with the hook, or one without.
fn scene<T: C>(call: Call, d: usize, work_len: usize, sweep: u32, hook: Option<&Host>) -> Scene<T> {
    let s = Scene::<T>::with_work(call, (N, M, d), Some(work_len));
    s.options(|o| {
        o.sweep = sweep;
        if SMALL {
            o.max_iterations = 2;
        }
        if let Some(context) = hook {
            o.parallel_for = Some(host);
            o.parallel_context = core::ptr::from_ref(context).cast_mut().cast();
            o.tasks = 3;
        }
    });
    s
}

const N: usize = 130;
const M: usize = if SMALL { 1 } else { 3 };

/// The same results with any room, and tasks as there is room for them.
fn the_bits_are_those_without<T: C>() {
    let dimensions: &[usize] = if SMALL { &[0] } else { &[0, 2] };
    for &d in dimensions {
        let plain = rot_sinkhorn_work_len(N, M, d);
        let kept = rot_sinkhorn_fast_work_len(N, M, d);
        for (sweep, least, most) in [
            (ROT_SWEEP_LOG, plain, rot_sinkhorn_parallel_work_len(N, M, d, 3)),
            (ROT_SWEEP_SCALING, kept, rot_sinkhorn_parallel_fast_work_len(N, M, d, 3)),
        ] {
            let alone = scene::<T>(Call::Solve, d, least, sweep, None);
            alone.accepted();
            // (16 elements are there to move the work to its alignment.)
            for (len, tasks) in [(most + 9, 3), (most, 3), (most - 17, 2), (least, 0)] {
                if SMALL && tasks != 2 {
                    continue;
                }
                let host = Host::default();
                let s = scene::<T>(Call::Solve, d, len, sweep, Some(&host));
                if len > most {
                    let last = s.args.work.wrapping_add((len - 1) * size_of::<T>());
                    s.put(last, T::of(7.0));
                }
                s.accepted();
                assert_eq!(s.results(), alone.results());
                assert_eq!(host.most.load(Ordering::Relaxed), tasks);
                if len > most {
                    let last = s.slice("work", len)[len - 1].bits();
                    assert_eq!(last, T::of(7.0).bits(), "what is not used is not written");
                }
            }
        }
    }
}

/// A hook without tasks and tasks without a hook are no threads; calls that use none take them.
fn half_a_hook_is_none<T: C>() {
    let len = rot_sinkhorn_parallel_work_len(N, M, 0, 3);
    let alone = scene::<T>(Call::Solve, 0, len, ROT_SWEEP_LOG, None);
    alone.accepted();
    for tasks in [0, 1] {
        let host = Host::default();
        let s = scene::<T>(Call::Solve, 0, len, ROT_SWEEP_LOG, Some(&host));
        s.options(|o| o.tasks = tasks);
        s.accepted();
        assert_eq!((s.results(), host.calls.load(Ordering::Relaxed)), (alone.results(), 0));
    }
    let s = scene::<T>(Call::Solve, 0, len, ROT_SWEEP_LOG, None);
    s.options(|o| o.tasks = u32::MAX);
    s.accepted();
    assert_eq!(s.results(), alone.results());
}

/// In slices as in one go.
fn slices_use_it_too<T: C>() {
    let len = rot_sinkhorn_parallel_work_len(N, M, 0, 2);
    for call in [Call::Check, Call::Init, Call::Step, Call::Finish] {
        let mut alone = scene::<T>(call, 0, len, ROT_SWEEP_LOG, None);
        alone.start();
        alone.accepted();
        let host = Host::default();
        let mut s = scene::<T>(call, 0, len, ROT_SWEEP_LOG, Some(&host));
        s.start();
        s.accepted();
        assert_eq!(s.results(), alone.results());
        let sweeps = matches!(call, Call::Step | Call::Finish);
        assert_eq!(host.calls.load(Ordering::Relaxed) > 0, sweeps);
    }
}

for_both_precisions! {
    interpreted {
        the_bits_are_those_without
        half_a_hook_is_none
        slices_use_it_too
    }
    compiled {}
}
