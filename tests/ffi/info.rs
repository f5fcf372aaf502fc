//! What is asked without a problem: texts of statuses, versions, work lengths.

use core::ffi::CStr;
use std::collections::HashSet;

use robust_ot::error::ErrorKind;
use robust_ot::ffi::info::{rot_abi_version, rot_status_str, rot_version};
use robust_ot::ffi::plan::rot_plan_work_len;
use robust_ot::ffi::sinkhorn::{ROT_RUNNING, rot_sinkhorn_work_len};
use robust_ot::report::Termination;
use robust_ot::work::{Coefficients, PAD};
use robust_ot::{ffi, plan, sinkhorn};

use crate::SMALL;

#[test]
fn every_status_has_a_text_of_its_own() {
    let text = |status| {
        // SAFETY: a string of the library, terminated and never freed.
        let text = unsafe { CStr::from_ptr(rot_status_str(status)) };
        text.to_str().expect("UTF-8")
    };
    let unknown = text(i32::MIN);
    let mut seen = HashSet::from([unknown]);
    for ending in Termination::ALL {
        assert_eq!(text(ending as i32), ending.text());
        assert!(seen.insert(text(ending as i32)), "{ending:?}");
    }
    for kind in ErrorKind::ALL {
        assert_eq!(text(kind as i32), kind.text());
        assert!(seen.insert(text(kind as i32)), "{kind:?}");
    }
    assert!(seen.insert(text(ROT_RUNNING)));
    assert!(
        seen.iter().all(|text| !text.is_empty() && text.bytes().all(|b| (32..127).contains(&b)))
    );
    let known = |status: i32| {
        status == ROT_RUNNING
            || Termination::ALL.iter().any(|&t| t as i32 == status)
            || ErrorKind::ALL.iter().any(|&k| k as i32 == status)
    };
    let spread = (0..64).map(|k| 0x9E37_79B9_u32.wrapping_mul(k).cast_signed());
    let near = if SMALL { -52..8 } else { -200..200 };
    for status in near.chain([i32::MIN, i32::MAX]).chain(spread) {
        assert_eq!(text(status) == unknown, !known(status), "{status}");
    }
}

#[test]
fn versions_are_those_of_the_package() {
    let parts = env!("CARGO_PKG_VERSION").split('.').map(|part| part.parse::<u32>().unwrap());
    assert_eq!(rot_version(), parts.fold(0, |all, part| all * 1000 + part));
    assert_eq!(rot_abi_version(), ffi::ROT_ABI_VERSION);
}

#[test]
fn work_lengths_are_the_algebra_and_saturate() {
    const LARGE: usize = usize::MAX;
    let lens = [1, 17, LARGE / 2, LARGE - PAD, 0, 15, 16, 1000, LARGE - PAD + 1, LARGE - 1, LARGE];
    let lens = &lens[..if SMALL { 4 } else { 11 }];
    let wide = |c: Coefficients, [n, m, d]: [usize; 3]| {
        // Independent of the algebra: exact, then cut off.
        let padded = |n: usize| (n as u128).div_ceil(PAD as u128) * PAD as u128;
        let rows = (c.n as u128).checked_mul(padded(n))?;
        let cols = (c.m as u128).checked_mul(padded(m))?;
        let points = (c.d as u128).checked_mul(d as u128)?.checked_mul(padded(m))?;
        let one = c.one as u128 * PAD as u128;
        rows.checked_add(cols)?.checked_add(points)?.checked_add(one)
    };
    for &n in lens {
        for &m in lens {
            for &d in lens {
                let expected = |c| {
                    let exact = wide(c, [n, m, d]).unwrap_or(u128::MAX);
                    usize::try_from(exact).unwrap_or(LARGE)
                };
                let (solve, view) = (sinkhorn::COEFFICIENTS, plan::COEFFICIENTS);
                assert_eq!(rot_sinkhorn_work_len(n, m, d), expected(solve), "{n} {m} {d}");
                assert_eq!(rot_plan_work_len(n, m, d), expected(view), "{n} {m} {d}");
                assert_eq!(rot_sinkhorn_work_len(n, m, d), solve.at(n, m, d).len());
                assert_eq!(rot_plan_work_len(n, m, d), view.at(n, m, d).len());
            }
        }
    }
}
