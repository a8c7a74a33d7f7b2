//! Vectors of 16 lanes, and arrays.
#![allow(unsafe_code)] // loads and stores

use super::{Floats, Simd};

/// A vector of 16 lanes.
#[inline(always)]
pub(crate) fn load<S: Simd>(s: S, x: &[f32; 16]) -> S::Floats {
    // SAFETY: `COUNT` divides 16, so there are at least that many floats.
    unsafe { S::Floats::load(s, x.as_ptr()) }
}

/// Its lanes, to their places.
#[inline(always)]
pub(crate) fn store<F: Floats>(sixteen: F, y: &mut [f32; 16]) {
    // SAFETY: `COUNT` divides 16, so there are at least that many floats.
    unsafe { sixteen.store(y.as_mut_ptr()) };
}

/// Its lanes.
#[inline(always)]
pub(crate) fn to_array<F: Floats>(sixteen: F) -> [f32; 16] {
    let mut lanes = [0.0; 16];
    store(sixteen, &mut lanes);
    lanes
}

/// The one order in which 16 accumulators are added.
#[inline(never)] // many places ask for it, each once a row
pub(crate) fn fold(mut lanes: [f32; 16]) -> f32 {
    let mut half = 8;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        low.iter_mut().zip(high).for_each(|(low, high)| *low += *high);
        half /= 2;
    }
    lanes[0]
}
