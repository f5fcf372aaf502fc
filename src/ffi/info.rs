//! Versions and status texts.

use core::ffi::c_char;

use crate::error::ErrorKind;
use crate::report::Termination;

/// Version of the library, as ROT_VERSION: major * 1000000 + minor * 1000 + patch. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_version() -> u32 {
    super::VERSION
}

/// Version of the binary interface, as ROT_ABI_VERSION; programs and libraries of one number fit
/// together. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_abi_version() -> u32 {
    super::ROT_ABI_VERSION
}

macro_rules! texts {
    ($status:ident: $($kind:expr,)*) => {
        $(if $status == $kind as i32 {
            const TEXT: &str = $kind.text();
            const LEN: usize = TEXT.len() + 1;
            static BYTES: [u8; LEN] = terminated(TEXT);
            return BYTES.as_ptr().cast();
        })*
    };
}

/// The text with the zero that C expects at the end.
const fn terminated<const LEN: usize>(text: &str) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    let (mut source, mut target) = (text.as_bytes(), bytes.as_mut_slice());
    while let ([byte, source_rest @ ..], [slot, target_rest @ ..]) = (source, target) {
        *slot = *byte;
        source = source_rest;
        target = target_rest;
    }
    bytes
}

/// One line of English for any status: never NULL, never to be freed. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_status_str(status: i32) -> *const c_char {
    texts! { status:
        Termination::Converged,
        Termination::IterationLimit,
        Termination::Stopped,
        Termination::RoundingFloor,
        Termination::Stalled,
        Termination::NumericalTrouble,
        Termination::OutOfReach,
        ErrorKind::Null,
        ErrorKind::StructSize,
        ErrorKind::Alignment,
        ErrorKind::Overlap,
        ErrorKind::NotBuilt,
        ErrorKind::Kind,
        ErrorKind::Empty,
        ErrorKind::Shape,
        ErrorKind::Stride,
        ErrorKind::TooLarge,
        ErrorKind::WorkTooSmall,
        ErrorKind::NotANumber,
        ErrorKind::Infinite,
        ErrorKind::Negative,
        ErrorKind::ZeroMass,
        ErrorKind::MassMismatch,
        ErrorKind::NoPartner,
        ErrorKind::MassRange,
        ErrorKind::Epsilon,
        ErrorKind::Tau,
        ErrorKind::Tolerance,
        ErrorKind::Count,
        ErrorKind::NoCertificate,
        ErrorKind::TargetOutOfReach,
        ErrorKind::UnitMassRule,
        ErrorKind::Radius,
        ErrorKind::Entropy,
        ErrorKind::NotConverged,
        ErrorKind::Gauge,
        ErrorKind::Singular,
        ErrorKind::Range,
        ErrorKind::BarycenterRule,
        ErrorKind::TargetPrecision,
    }
    if status == super::sinkhorn::ROT_RUNNING {
        return c"the solve is still running".as_ptr();
    }
    c"unknown status".as_ptr()
}
