//! The panic handler of the freestanding C library (`--cfg rot_freestanding`).
//!
//! It refers to a symbol that exists nowhere. If link-time optimisation proves that nothing
//! panics, the handler vanishes and the library links; if one path to a panic survives, it does
//! not. That is the proof that the library cannot panic.

unsafe extern "C" {
    fn rot_panic_path_survived() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: never called: no program that contains this call links.
    unsafe { rot_panic_path_survived() }
}
