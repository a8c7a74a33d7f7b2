"""Dropout of PyTorch, replayed: modules and functions with torch's names, which save no mask for backward.

Where a module has a key, its masks are a function of that key and of the step that the training loop enters.

>>> import torch, dropmask.torch
>>> from dropmask import Key
>>> model = torch.nn.Sequential(torch.nn.Linear(8, 8), dropmask.torch.Dropout(0.1))
>>> dropmask.torch.seed(model, Key(42))
>>> with dropmask.torch.step(0):
...     model(torch.ones(2, 8)).sum().backward()
"""

from dropmask.torch.functional import *
from dropmask.torch.functional import __all__ as _functions
from dropmask.torch.modules import *
from dropmask.torch.modules import __all__ as _modules
from dropmask.torch.steps import step

__all__ = [*_functions, *_modules, "step"]
