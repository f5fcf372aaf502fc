//! A deliberate panic (`--cfg rot_inject_panic`), for the test that the proof of panic-freedom
//! can fail.

/// Not part of the library.
#[unsafe(no_mangle)]
pub extern "C" fn rot_injected_panic(values: &[i32; 4], index: usize) -> i32 {
    let [value] = values
        .get(index..)
        .and_then(|tail| tail.first_chunk::<1>())
        .copied()
        .map_or_else(|| unreachable!(), |v| v);
    value
}
