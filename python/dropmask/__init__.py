"""Exact, replayable dropout for NumPy arrays."""

from dropmask._dropmask import (
    MASK_STREAM_VERSION,
    AlphaDropout,
    AttentionDropout,
    BiasDropout,
    Cutout,
    DropBlock,
    DropConnect,
    Dropout,
    EmbeddingDropout,
    Key,
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
    "Cutout",
    "DropBlock",
    "DropConnect",
    "Dropout",
    "EmbeddingDropout",
    "Key",
    "ReluDropout",
    "Select",
    "__version__",
    "level",
]
