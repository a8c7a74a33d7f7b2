"""Dropout as in torch.nn, with a key of each module."""

from typing import TypeVar

import torch
from torch import Tensor, nn

from dropmask import Key
from dropmask.torch import functional as F
from dropmask.torch.steps import entered, key_tensor

Model = TypeVar("Model", bound=nn.Module)


class Keyed(nn.Module):
    """A module whose masks come of its key and of the step that is entered, or where it has no key of torch's generator.

    mask_key: the raw value of the key, an int64 tensor of one element in state_dict, or None.
    """

    mask_key: Tensor | None

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.register_buffer("mask_key", None)

    def step_key(self) -> Tensor | None:
        """The key of this step, for a function's mask_key; None without a key, or in evaluation.

        Errors: RuntimeError where there is a key and no step is entered.
        """
        if self.mask_key is None or not self.training:
            return None
        steps = entered.get()
        if steps is None:
            raise RuntimeError(
                f"{type(self).__name__} has a key, and no step is entered in this thread: run forward and backward within "
                "`with dropmask.torch.step(number):`, with another number for each step of the training loop"
            )
        return torch.cat((self.mask_key, steps))

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, errors):
        name = prefix + "mask_key"
        if name in state_dict and self.mask_key is None:
            self.mask_key = torch.empty(1, dtype=torch.int64, device="cpu")
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, errors)
        if name in missing_keys:  # a checkpoint of torch's module: the key stays what it is
            missing_keys.remove(name)


class Dropout(Keyed, nn.Dropout):
    """torch.nn.Dropout, with a key."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace, mask_key=self.step_key())


class Dropout1d(Keyed, nn.Dropout1d):
    """torch.nn.Dropout1d, with a key."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace, mask_key=self.step_key())


class Dropout2d(Keyed, nn.Dropout2d):
    """torch.nn.Dropout2d, with a key."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace, mask_key=self.step_key())


class Dropout3d(Keyed, nn.Dropout3d):
    """torch.nn.Dropout3d, with a key."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace, mask_key=self.step_key())


class AlphaDropout(Keyed, nn.AlphaDropout):
    """torch.nn.AlphaDropout, with a key; unlike torch's it is in place if told so."""

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training, self.inplace, mask_key=self.step_key())


class FeatureAlphaDropout(Keyed, nn.FeatureAlphaDropout):
    """torch.nn.FeatureAlphaDropout, with a key; unlike torch's it is in place if told so."""

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace, mask_key=self.step_key())


class DropPath(Keyed):
    """timm's: drops whole samples of (N, ...), for stochastic depth."""

    def __init__(self, drop_prob: float = 0.0, scale_by_keep: bool = True) -> None:
        super().__init__()
        if not 0 <= drop_prob <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {drop_prob}")
        self.drop_prob = drop_prob
        self.scale_by_keep = scale_by_keep

    def forward(self, x: Tensor) -> Tensor:
        return F.drop_path(x, self.drop_prob, self.training, self.scale_by_keep, mask_key=self.step_key())

    def extra_repr(self) -> str:
        return f"drop_prob={round(self.drop_prob, 3):0.3f}"


class DropBlock2d(Keyed):
    """torchvision's, and with couple_channels one mask for all channels of a sample."""

    def __init__(
        self, p: float, block_size: int, inplace: bool = False, eps: float = 1e-06, *, couple_channels: bool = False
    ) -> None:
        super().__init__()
        self.p, self.block_size, self.inplace, self.eps = p, block_size, inplace, eps
        self.couple_channels = couple_channels

    def forward(self, input: Tensor) -> Tensor:
        settings = self.p, self.block_size, self.inplace, self.eps, self.training
        return F.drop_block2d(input, *settings, couple_channels=self.couple_channels, mask_key=self.step_key())

    def extra_repr(self) -> str:
        coupled = ", couple_channels=True" if self.couple_channels else ""
        return f"p={self.p}, block_size={self.block_size}, inplace={self.inplace}{coupled}"


OURS = {
    getattr(nn, ours.__name__): ours
    for ours in (Dropout, Dropout1d, Dropout2d, Dropout3d, AlphaDropout, FeatureAlphaDropout)
}


def convert(model: Model) -> Model:
    """Makes each dropout module of torch.nn in model, itself included, the one of this package with the same settings.

    Modules keep their identity, hooks and mode: their class alone is another. Calls of torch.nn.functional stay torch's: those
    in nn.MultiheadAttention and so in attention of nn.Transformer, those between the layers of nn.LSTM and the like, and those
    in a model's own forward.

    Returns model.
    """
    for module in model.modules():
        if ours := OURS.get(type(module)):
            module.__class__ = ours
            module.register_buffer("mask_key", None)
    return model


def seed(model: Model, key: Key) -> Model:
    """Gives each module of this package in model a key of its own: key.derive(i) to the i-th in the order of named_modules().

    Returns model.

    Errors: ValueError where model has none.
    """
    keyed = [module for module in model.modules() if isinstance(module, Keyed)]
    if not keyed:
        raise ValueError(f"{type(model).__name__} has no module of dropmask.torch: use them, or convert(model)")
    for i, module in enumerate(keyed):
        module.mask_key = key_tensor(key.derive(i))
    return model
