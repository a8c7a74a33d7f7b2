#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(all(target_arch = "x86", not(target_feature = "sse2")))]
compile_error!(
    "dropmask needs SSE2 on 32-bit x86: x87 instructions round otherwise, and results would not be the same"
);

#[cfg(doctest)]
#[doc = include_str!("../docs/engine-op.md")]
struct EngineOp;

#[cfg(doctest)]
#[doc = include_str!("../docs/flash.md")]
struct Flash;

mod engine;
mod error;
#[cfg(feature = "ffi")]
#[doc(hidden)] // for C, whose header has the documentation
pub mod ffi;
mod key;
mod kinds;
mod layout;
mod mask;
mod probability;
mod simd;
mod stream;

pub use error::{Argument, Error, Setting};
pub use key::Key;
pub use kinds::{
    AlphaDropout, Attention, BiasDropout, ClassUncertainty, Cutout, DropBlock, DropConnect, Dropout, DropoutLayer,
    EmbeddingDropout, KeptCount, Moments, ReluDropout, SampleDropout, Scaling, Select, StoredMask,
};
pub use layout::Layout;
pub use mask::{Mask, MaskIter, MaskMut, mask_words};
pub use probability::Probability;
#[cfg(feature = "rng")]
pub use rand_core;
pub use simd::Level;
pub use stream::MASK_STREAM_VERSION;

/// The version of this library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
