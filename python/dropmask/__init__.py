"""Exact, replayable dropout for NumPy arrays."""

from dropmask._dropmask import (
    MASK_STREAM_VERSION,
    AlphaDropout,
    AttentionDropout,
    BiasDropout,
    Dropout,
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
    "Dropout",
    "Key",
    "ReluDropout",
    "Select",
    "__version__",
    "level",
]
