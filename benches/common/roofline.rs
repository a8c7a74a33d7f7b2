//! `y = a * x`, compiled for a level: what a dropout would cost whose mask is free.
#![allow(unsafe_code)] // calls into functions that need a target feature

use dropmask::Level;

/// One plain loop in every case; what differs is the instructions that the compiler may use. It takes them at their full
/// width; the steps of 64 elements make it unroll alike, else its speed depends on where the linker puts the loop.
pub(crate) fn roofline(level: Level, a: f32, x: &[f32], y: &mut [f32]) {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        if Level::avx512() == Some(level) {
            // SAFETY: a level exists only on a machine that has it.
            return unsafe { product_avx512(a, x, y) };
        }
        if Level::avx2() == Some(level) {
            // SAFETY: a level exists only on a machine that has it.
            return unsafe { product_avx2(a, x, y) };
        }
    }
    let _ = level;
    product_portable(a, x, y);
}

#[inline(always)]
fn product(a: f32, x: &[f32], y: &mut [f32]) {
    let (y_chunks, y_rest) = y.as_chunks_mut::<64>();
    let (x_chunks, x_rest) = x.as_chunks::<64>();
    for (y, x) in y_chunks.iter_mut().zip(x_chunks) {
        *y = x.map(|x| a * x);
    }
    for (y, x) in y_rest.iter_mut().zip(x_rest) {
        *y = a * x;
    }
}

#[inline(never)]
fn product_portable(a: f32, x: &[f32], y: &mut [f32]) {
    product(a, x, y);
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[target_feature(enable = "avx2")]
fn product_avx2(a: f32, x: &[f32], y: &mut [f32]) {
    product(a, x, y);
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn product_avx512(a: f32, x: &[f32], y: &mut [f32]) {
    product(a, x, y);
}
