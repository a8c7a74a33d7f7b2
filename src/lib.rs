//! Dropout for plain `f32` slices: exact in the drop probability, replayed instead of stored, the same bits on every CPU.
//!
//! # The type to start with
//!
//! [`Dropout`] is a mask as a value: a [`Key`], a [`Probability`] and the index of the first element. It has the passes.
//!
//! ```
//! use dropmask::{Dropout, Key, Probability};
//!
//! let key = Key::new(42).derive(3).derive(17); // the seed of a run, the layer, the step
//! let dropout = Dropout::new(key, Probability::new(0.5)?);
//!
//! let x = [0.8; 1000];
//! let (mut y, mut dx) = ([0.0; 1000], [0.0; 1000]);
//! dropout.forward(&x, &mut y)?; // 1.6 where kept, 0.0 where dropped
//! dropout.backward(&x, &mut dx)?; // the same mask, drawn again
//! assert_eq!(dx, y);
//! # Ok::<(), dropmask::Error>(())
//! ```
//!
//! # Kinds by need
//!
//! | need | type |
//! |---|---|
//! | a residual sum in the same pass | [`Dropout::forward_residual`], [`Dropout::forward_add`] |
//! | evaluation; other scaling than inverted | [`Dropout::evaluate`], [`Scaling`] |
//! | one bit for a channel, a sample, a time series; views and shards | [`Layout`] |
//! | a mask in memory | [`Dropout::forward_store`], [`MaskMut`], [`Mask`], [`StoredMask`] |
//! | a mask from a generator | `MaskMut::fill_from_rng` (feature `rng`) |
//! | a bias before dropout | [`BiasDropout`] |
//! | ReLU before dropout | [`ReluDropout`] |
//! | softmax before dropout | [`Attention`] |
//! | rows of an embedding | [`EmbeddingDropout`] |
//! | weights of a linear layer | [`DropConnect`] |
//! | boxes, blocks of feature maps | [`Cutout`], [`DropBlock`] |
//! | SELU networks | [`AlphaDropout`] |
//! | one of two values: zoneout, tokens replaced | [`Select`] |
//! | a probability for each sample | [`Dropout::per_sample`], [`SampleDropout`] |
//! | Monte-Carlo dropout | [`Dropout::pass_shared`], [`Moments`], [`ClassUncertainty`] |
//! | a layer that counts its passes | [`DropoutLayer`] |
//! | several threads | `Dropout::parallel` (feature `rayon`) |
//! | a pinned SIMD level | [`Level`], [`Dropout::with_level`] |
//!
//! All of them take slices and explicit shapes, allocate nothing, and return an [`Error`] that names the argument and the
//! values; after an error nothing has been written.
//!
//! # Features
//!
//! - `rng`, on by default: masks from any generator of `rand_core`, which is re-exported.
//! - `rayon`: large slices on several threads. Needs std; all else needs `core` alone.
//! - `ffi`: the C interface, see [the guide](guide::c).
//!
//! The [guide] has a page for each task: [a kind and a probability](guide::choosing), [masks and replay](guide::masks),
//! [layouts](guide::layouts), [shards](guide::shards), [recomputation](guide::recompute), [Monte-Carlo
//! dropout](guide::monte_carlo), [engines](guide::engine_op).

#![no_std]

#[cfg(all(target_arch = "x86", not(target_feature = "sse2")))]
compile_error!(
    "dropmask needs SSE2 on 32-bit x86: x87 instructions round otherwise, and results would not be the same"
);

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../SECURITY.md")]
struct Pages;

mod engine;
mod error;
#[cfg(feature = "ffi")]
#[doc(hidden)] // for C, whose header has the documentation
pub mod ffi;
#[cfg(any(doc, doctest))]
#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/README.md")]
pub mod guide;
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
