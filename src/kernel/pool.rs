//! Blocks of rows on the threads of the host: the buffers of a sweep cut into pieces, one for each
//! task.
//!
//! Which thread does a block, and when, is the host's affair; what is added to what, and in which
//! order, is not: a task writes to its own pieces, and what they hold is joined block after block once
//! all tasks of a wave are done.

use core::marker::PhantomData;
#[cfg(target_has_atomic = "32")]
use core::sync::atomic::{AtomicU32, Ordering};

use super::Precision;

/// The threads of a host: OpenMP, rayon, the tasks of an RTOS. The library starts none of its own.
pub trait Pool: Sync {
    /// Blocks of rows that are to be under way at the same time: the number of threads, or a small
    /// multiple of it, for fewer and better balanced waves. Blocks for which the work has no room
    /// (`sinkhorn::parallel_work_len`) wait their turn; at most [`MOST_TASKS`] are under way.
    fn tasks(&self) -> usize;

    /// Calls `task(k)` for every k below `tasks` on any threads and in any order, and returns when
    /// all of them have returned. A call that is left out is made up for on the calling thread, and a
    /// second call for the same k does nothing.
    fn parallel_for(&self, tasks: usize, task: &(dyn Fn(usize) + Sync));
}

impl<H: Pool + ?Sized> Pool for &H {
    fn tasks(&self) -> usize {
        (**self).tasks()
    }

    fn parallel_for(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (**self).parallel_for(tasks, task);
    }
}

/// Most blocks of rows that are under way at the same time.
pub const MOST_TASKS: usize = 256;

/// A flag for each task of a wave.
#[cfg(target_has_atomic = "32")]
struct Flags([AtomicU32; MOST_TASKS / 32]);

#[cfg(target_has_atomic = "32")]
impl Flags {
    fn new() -> Self {
        Self([const { AtomicU32::new(0) }; MOST_TASKS / 32])
    }

    /// Raises flag k; whether it was down and is one of `count`.
    fn raise(&self, k: usize, count: usize) -> bool {
        let bit = 1 << (k % 32);
        let word = self.0.get(k / 32).filter(|_| k < count);
        word.is_some_and(|word| word.fetch_or(bit, Ordering::AcqRel) & bit == 0)
    }

    /// Whether flag k is up.
    fn is_up(&self, k: usize) -> bool {
        self.0.get(k / 32).is_some_and(|word| word.load(Ordering::Acquire) >> (k % 32) & 1 == 1)
    }
}

/// A buffer that is cut into equal pieces, the last of which may be shorter.
pub(crate) struct Part<'a, T> {
    first: *mut T,
    len: usize,
    piece: usize,
    /// Whether there is a piece for each block of rows, or for each task of a wave.
    by_block: bool,
    buffer: PhantomData<&'a mut [T]>,
}

// SAFETY: a shared `Part` gives access to its elements through `piece` alone, whose callers keep the
// pieces of different threads apart, so this is a slice that was split and sent.
unsafe impl<T: Send> Sync for Part<'_, T> {}

impl<'a, T> Part<'a, T> {
    fn new(buffer: &'a mut [T], piece: usize, by_block: bool) -> Self {
        Self { first: buffer.as_mut_ptr(), len: buffer.len(), piece, by_block, buffer: PhantomData }
    }

    /// `piece` elements for each block of rows.
    pub(crate) fn of_rows(buffer: &'a mut [T], piece: usize) -> Self {
        Self::new(buffer, piece, true)
    }

    /// `piece` elements for each task of a wave.
    pub(crate) fn of_tasks(buffer: &'a mut [T], piece: usize) -> Self {
        Self::new(buffer, piece, false)
    }

    /// Nothing.
    pub(crate) fn none() -> Self {
        Self::new(&mut [], 0, false)
    }

    /// The piece of this block, which task k does; empty beyond the end.
    ///
    /// # Safety
    /// While the piece lives no other piece has the same `block`, nor the same `k`.
    #[allow(clippy::mut_from_ref, reason = "the callers keep pieces apart")]
    unsafe fn piece(&self, block: usize, k: usize) -> &mut [T] {
        let index = if self.by_block { block } else { k };
        let start = index.saturating_mul(self.piece).min(self.len);
        let len = self.piece.min(self.len - start);
        // SAFETY: at most `len` elements behind the first.
        let first = unsafe { self.first.add(start) };
        // SAFETY: inside the buffer, which is borrowed for longer than this piece; pieces of different
        // indices have no element in common, and the caller vouches that this index is used once.
        unsafe { core::slice::from_raw_parts_mut(first, len) }
    }
}

/// The buffers of a sweep.
pub(crate) struct Parts<'a, P: Precision> {
    pub(crate) potential: [Part<'a, P::Potential>; 2],
    pub(crate) sum: [Part<'a, P::Sum>; 3],
    pub(crate) cost: Part<'a, P::Cost>,
}

/// What of them belongs to one task.
pub(crate) struct Pieces<'a, P: Precision> {
    pub(crate) potential: [&'a mut [P::Potential]; 2],
    pub(crate) sum: [&'a mut [P::Sum]; 3],
    pub(crate) cost: &'a mut [P::Cost],
}

impl<P: Precision> Parts<'_, P> {
    /// # Safety
    /// As [`Part::piece`].
    unsafe fn pieces(&self, block: usize, k: usize) -> Pieces<'_, P> {
        let Self { potential: [p0, p1], sum: [s0, s1, s2], cost } = self;
        Pieces {
            potential: [
                // SAFETY: passed on from the caller, here and below.
                unsafe { p0.piece(block, k) },
                // SAFETY: as above.
                unsafe { p1.piece(block, k) },
            ],
            sum: [
                // SAFETY: as above.
                unsafe { s0.piece(block, k) },
                // SAFETY: as above.
                unsafe { s1.piece(block, k) },
                // SAFETY: as above.
                unsafe { s2.piece(block, k) },
            ],
            // SAFETY: as above.
            cost: unsafe { cost.piece(block, k) },
        }
    }
}

/// Bit of a result: a host came back before its tasks did.
pub(crate) const DESERTED: u32 = 1 << 31;

/// Does all blocks on the pool, `width` of them at the same time: `work` with the number of a block and
/// its pieces, then, once a wave is through, `join` with the pieces of each of its blocks in order.
/// Returns the bits that `work` returned, of all blocks together.
pub(crate) fn in_waves<P: Precision>(
    pool: &dyn Pool,
    (blocks, width): (usize, usize),
    mut parts: Parts<'_, P>,
    work: &(impl Fn(usize, Pieces<'_, P>) -> u32 + Sync),
    join: &mut dyn FnMut(Pieces<'_, P>),
) -> u32 {
    let width = width.clamp(1, MOST_TASKS);
    let (mut found, mut first) = (0, 0);
    // (A range with steps of a length known at run time leaves a panic path.)
    while first < blocks {
        let count = width.min(blocks - first);
        found |= wave(pool, (first, count), &mut parts, work);
        for k in 0..count {
            // SAFETY: `parts` is borrowed mutably and no other piece lives.
            join(unsafe { parts.pieces(first + k, k) });
        }
        first += count;
    }
    found
}

/// One wave: `count` blocks from `first` on.
#[cfg(target_has_atomic = "32")]
fn wave<P: Precision>(
    pool: &dyn Pool,
    (first, count): (usize, usize),
    parts: &mut Parts<'_, P>,
    work: &(impl Fn(usize, Pieces<'_, P>) -> u32 + Sync),
) -> u32 {
    let (claimed, done, found) = (Flags::new(), Flags::new(), AtomicU32::new(0));
    let parts = &*parts;
    let task = |k: usize| {
        if claimed.raise(k, count) {
            // SAFETY: `parts` was borrowed mutably, so all pieces come from here; each k passes the
            // line above once, and so does its block.
            let pieces = unsafe { parts.pieces(first + k, k) };
            found.fetch_or(work(first + k, pieces), Ordering::Relaxed);
            done.raise(k, count);
        }
    };
    if count > 1 {
        pool.parallel_for(count, &task);
    }
    for k in 0..count {
        task(k);
    }
    let deserted = !(0..count).all(|k| done.is_up(k));
    found.load(Ordering::Relaxed) | if deserted { DESERTED } else { 0 }
}

/// Without atomic exchanges, as on a Cortex-M0, which has one core, blocks are done one by one.
#[cfg(not(target_has_atomic = "32"))]
fn wave<P: Precision>(
    _: &dyn Pool,
    (first, count): (usize, usize),
    parts: &mut Parts<'_, P>,
    work: &(impl Fn(usize, Pieces<'_, P>) -> u32 + Sync),
) -> u32 {
    let mut found = 0;
    for k in 0..count {
        // SAFETY: `parts` is borrowed mutably and no other piece lives.
        found |= work(first + k, unsafe { parts.pieces(first + k, k) });
    }
    found
}

#[cfg(test)]
mod tests {
    use core::panic::AssertUnwindSafe;
    use std::panic::catch_unwind;
    use std::{thread, vec};

    use super::*;

    /// What a host may do to the tasks of a wave.
    enum Host {
        InThreads,
        Twice,
        Never,
        Catches,
    }

    impl Pool for Host {
        fn tasks(&self) -> usize {
            3
        }

        fn parallel_for(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
            match self {
                Self::InThreads | Self::Twice => thread::scope(|scope| {
                    let times = if matches!(self, Self::Twice) { 2 } else { 1 };
                    for k in 0..times * (tasks + 1) {
                        scope.spawn(move || task(k / times));
                    }
                }),
                Self::Never => {}
                Self::Catches => {
                    for k in (0..tasks).rev() {
                        let _ = catch_unwind(AssertUnwindSafe(|| task(k)));
                    }
                }
            }
        }
    }

    /// Blocks of 4 out of 18 rows, three at the same time, a sum of each; `ends` is the block whose task
    /// comes to an end before its time.
    fn sums(host: &Host, ends: Option<usize>) -> (vec::Vec<f64>, vec::Vec<f64>, u32) {
        let mut rows: vec::Vec<f64> = (0..18).map(f64::from).collect();
        let mut slots = vec![f64::NAN; 6];
        let mut joined = vec![];
        let parts = Parts::<f64> {
            potential: [Part::of_rows(&mut rows, 4), Part::none()],
            sum: [Part::of_tasks(&mut slots, 2), Part::none(), Part::none()],
            cost: Part::none(),
        };
        let work = |block: usize, pieces: Pieces<'_, f64>| {
            let Pieces { potential: [rows, _], sum: [slot, ..], .. } = pieces;
            for slot in slot.iter_mut() {
                *slot = rows.iter().sum();
            }
            assert!(ends != Some(block), "an end before its time");
            for row in rows {
                *row += 100.0;
            }
            1 << block
        };
        let found = in_waves(host, (5, 3), parts, &work, &mut |pieces| {
            let [slot, ..] = pieces.sum;
            joined.extend(slot.iter().copied());
        });
        (rows, joined, found)
    }

    #[test]
    fn every_block_is_done_once_and_joined_in_order() {
        for host in [Host::InThreads, Host::Twice, Host::Never, Host::Catches] {
            let (rows, joined, found) = sums(&host, None);
            let expected: vec::Vec<f64> = (0..18).map(|k| f64::from(100 + k)).collect();
            assert_eq!(rows, expected);
            assert_eq!(joined, [6.0, 6.0, 22.0, 22.0, 38.0, 38.0, 54.0, 54.0, 33.0, 33.0]);
            assert_eq!(found, 0b11111);
        }
    }

    #[test]
    fn a_task_that_did_not_come_to_its_end_is_told() {
        for block in 0..5 {
            let (_, _, found) = sums(&Host::Catches, Some(block));
            assert_eq!(found & DESERTED, DESERTED);
        }
    }
}
