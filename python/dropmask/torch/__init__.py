"""Dropout for PyTorch, replayed: modules and functions with torch's names, which save no mask for backward.

Where a module has a key, its masks are a function of that key and of the step that the training loop enters.

>>> import torch, dropmask.torch
>>> from dropmask import Key
>>> model = torch.nn.Sequential(torch.nn.Linear(8, 8), dropmask.torch.Dropout(0.1))
>>> model = dropmask.torch.seed(model, Key(42))
>>> with dropmask.torch.step(0):
...     model(torch.ones(2, 8)).sum().backward()
"""

from dropmask.torch.functional import (
    alpha_dropout,
    drop_block2d,
    drop_path,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
    scaled_dot_product_attention,
)
from dropmask.torch.modules import (
    AlphaDropout,
    DropBlock2d,
    Dropout,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    DropPath,
    FeatureAlphaDropout,
    convert,
    seed,
)
from dropmask.torch.steps import key_tensor, step

__all__ = [
    "AlphaDropout",
    "DropBlock2d",
    "DropPath",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
    "alpha_dropout",
    "convert",
    "drop_block2d",
    "drop_path",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
    "key_tensor",
    "scaled_dot_product_attention",
    "seed",
    "step",
]
