#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(all(target_arch = "x86", not(target_feature = "sse2")))]
compile_error!(
    "dropmask needs SSE2 on 32-bit x86: x87 instructions round otherwise, and results would not be the same"
);

mod ahead;
mod alpha;
mod attention;
mod bias;
mod bits;
mod channels;
mod connect;
mod cutout;
mod dispatch;
mod dropblock;
mod embedding;
mod error;
mod exp;
#[cfg(feature = "ffi")]
pub mod ffi;
mod generator;
mod input;
mod key;
mod layer;
mod level;
mod map;
mod mask;
mod monte_carlo;
mod parallel;
mod pass;
mod probability;
mod relu;
mod rows;
mod sample;
mod scalar;
mod shape;
mod simd;
mod softmax;
mod spread;
mod stored;
mod stream;
mod walk;

pub use alpha::AlphaDropout;
pub use attention::Attention;
pub use bias::BiasDropout;
pub use channels::Channels;
pub use connect::DropConnect;
pub use cutout::Cutout;
pub use dropblock::{DropBlock, KeptCount};
pub use embedding::EmbeddingDropout;
pub use error::Error;
pub use key::Key;
pub use layer::{Dropout, Mode};
pub use level::Level;
pub use mask::{Mask, MaskMut, mask_words};
pub use monte_carlo::{ClassUncertainty, Moments};
pub use probability::Probability;
pub use rand_core;
pub use relu::ReluDropout;
pub use rows::Rows;
pub use stored::StoredMask;
pub use stream::{MaskStream, Scaling};
