#![doc = include_str!("../README.md")]
#![no_std]

mod ahead;
mod attention;
mod bits;
mod channels;
mod cutout;
mod dispatch;
mod dropblock;
mod error;
mod exp;
mod generator;
mod input;
mod key;
mod layer;
mod level;
mod map;
mod mask;
mod monte_carlo;
mod pass;
mod probability;
mod rows;
mod sample;
mod scalar;
mod shape;
mod simd;
mod softmax;
mod spread;
mod stored;
mod stream;

pub use attention::Attention;
pub use channels::Channels;
pub use cutout::Cutout;
pub use dropblock::{DropBlock, KeptCount};
pub use error::Error;
pub use key::Key;
pub use layer::{Dropout, Mode};
pub use level::Level;
pub use mask::{Mask, MaskMut, mask_words};
pub use monte_carlo::{ClassUncertainty, Moments};
pub use probability::Probability;
pub use rand_core;
pub use rows::Rows;
pub use stored::StoredMask;
pub use stream::{MaskStream, Scaling};
