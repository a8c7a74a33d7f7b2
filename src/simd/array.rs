//! Vectors of 16 lanes, and arrays.
#![allow(unsafe_code)] // loads and stores of raw operands

use super::{Floats, Simd};

/// A vector of 16 lanes.
#[inline(always)]
pub(crate) fn load<S: Simd>(s: S, x: &[f32; 16]) -> S::Floats {
    // SAFETY: a vector has 16 lanes at every level.
    unsafe { S::Floats::load(s, x.as_ptr()) }
}

/// Its lanes, to their places.
#[inline(always)]
pub(crate) fn store<F: Floats>(sixteen: F, y: &mut [f32; 16]) {
    // SAFETY: a vector has 16 lanes at every level.
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
#[inline(always)]
pub(crate) fn fold(mut lanes: [f32; 16]) -> f32 {
    let mut half = 8;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        low.iter_mut().zip(high).for_each(|(low, high)| *low += *high);
        half /= 2;
    }
    lanes[0]
}
