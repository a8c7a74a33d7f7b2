"""Exact, replayable dropout for NumPy arrays."""

from dropmask._dropmask import (
    MASK_STREAM_VERSION,
    AlphaDropout,
    AttentionDropout,
    BiasDropout,
    ClassMoments,
    Cutout,
    DropBlock,
    DropConnect,
    Dropout,
    EmbeddingDropout,
    Key,
    Moments,
    ReluDropout,
    Select,
    __version__,
    level,
)

__all__ = [
    "MASK_STREAM_VERSION",
    "AlphaDropout",
    "AttentionDropout",
    "BiasDropout",
    "ClassMoments",
    "Cutout",
    "DropBlock",
    "DropConnect",
    "Dropout",
    "EmbeddingDropout",
    "Key",
    "Moments",
    "ReluDropout",
    "Select",
    "__version__",
    "level",
]
