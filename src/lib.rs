#![doc = include_str!("../README.md")]
#![no_std]

mod bits;
mod dispatch;
mod error;
mod generator;
mod input;
mod key;
mod level;
mod mask;
mod pass;
mod probability;
mod rows;
mod sample;
mod scalar;
mod simd;
mod stored;
mod stream;

pub use error::Error;
pub use key::Key;
pub use level::Level;
pub use mask::{Mask, MaskMut, mask_words};
pub use probability::Probability;
pub use rand_core;
pub use rows::Rows;
pub use stored::StoredMask;
pub use stream::{MaskStream, Scaling};
