//! The kinds of dropout, one file or folder each: public type, checks, and its few lines of kernel.

mod alpha;
mod attention;
mod bias;
mod connect;
mod cutout;
mod dropblock;
mod dropout;
mod embedding;
mod layer;
mod monte_carlo;
mod relu;
mod samples;
mod select;
mod settings;
mod stored;

pub use alpha::AlphaDropout;
pub use attention::Attention;
pub use bias::BiasDropout;
pub use connect::DropConnect;
pub use cutout::Cutout;
pub use dropblock::{DropBlock, KeptCount};
pub use dropout::{Dropout, Scaling};
pub use embedding::EmbeddingDropout;
pub use layer::DropoutLayer;
pub use monte_carlo::{ClassUncertainty, Moments};
#[cfg(feature = "ffi")]
pub(crate) use monte_carlo::{mutual_information, predictive_entropy, variance};
pub use relu::ReluDropout;
pub use samples::SampleDropout;
pub use select::Select;
pub use stored::StoredMask;
