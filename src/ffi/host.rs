//! The threads that a host lends.

#[cfg(feature = "parallel")]
use core::ffi::c_void;

use super::convert::Scalar;
#[cfg(feature = "parallel")]
use super::{abi::field, convert::OptionsSource, types};
use crate::cost::AnyCost;
#[cfg(feature = "parallel")]
use crate::cost::{Parallel, Pool, parallel_len, tasks_of};

/// The cost of the C interface, swept on the threads of the host.
#[cfg(feature = "parallel")]
pub(super) type HostCost<'a, T> = Parallel<AnyCost<'a, T>, Host>;
/// The cost of the C interface.
#[cfg(not(feature = "parallel"))]
pub(super) type HostCost<'a, T> = AnyCost<'a, T>;

/// A cost whose host has lent no threads yet.
#[inline]
pub(super) fn hosted<T: Scalar>(cost: AnyCost<'_, T>) -> HostCost<'_, T> {
    #[cfg(feature = "parallel")]
    return Parallel::new(cost, Host::NONE);
    #[cfg(not(feature = "parallel"))]
    return cost;
}

/// The hook in the caller's options.
#[cfg(feature = "parallel")]
#[derive(Clone, Copy)]
pub(super) struct Host {
    call: types::rot_parallel_for,
    context: *mut c_void,
    tasks: u32,
}

// SAFETY: the context is the host's own; it is handed back to its function, on the thread that called
// the library, and not looked at.
#[cfg(feature = "parallel")]
unsafe impl Sync for Host {}

#[cfg(feature = "parallel")]
impl Host {
    const NONE: Self = Self { call: None, context: core::ptr::null_mut(), tasks: 0 };

    pub(super) fn of<T: Scalar>(c: OptionsSource<T>) -> Self {
        Self {
            call: field!(c, types::Options<T>, parallel_for, None),
            context: field!(c, types::Options<T>, parallel_context, core::ptr::null_mut()),
            tasks: field!(c, types::Options<T>, tasks, 0),
        }
    }

    /// Elements of work of which use is made besides those of a solve on one thread.
    pub(super) fn work_len(&self, n: usize, m: usize) -> usize {
        match tasks_of(self, n) {
            0 | 1 => 0,
            tasks => parallel_len(n, m, tasks).len(),
        }
    }
}

#[cfg(feature = "parallel")]
impl Pool for Host {
    fn tasks(&self) -> usize {
        if self.call.is_some() { self.tasks as usize } else { 0 }
    }

    fn parallel_for(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        if let Some(call) = self.call {
            let argument = (&raw const task).cast_mut().cast();
            // SAFETY: the host's function and its own first argument; the task outlives the call, by
            // the end of which, so the host promises, nobody uses it any more.
            unsafe { call(self.context, tasks, run, argument) };
        }
    }
}

/// What the host calls.
#[cfg(feature = "parallel")]
unsafe extern "C" fn run(argument: *mut c_void, index: usize) {
    // SAFETY: the address of the task in `parallel_for` above, which waits for this call.
    let task = unsafe { *argument.cast::<&(dyn Fn(usize) + Sync)>() };
    task(index);
}
