"""Dropout as in torch.nn.functional, by masks that are a function of a key.

mask_key: a dropmask.Key; or an int64 tensor of one axis, the raw value of a key and steps below it, as an input of a compiled
or exported graph; or None for a seed of torch's default generator.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from dropmask import Key
from dropmask.torch import attention, drop_block, ops
from dropmask.torch.steps import key_tensor

DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    mask_key: Key | Tensor | None = None,
) -> Tensor:
    """torch.where(kept, input / (1 - p), 0). In place it writes a new tensor and copies that."""
    same = F.dropout(input, p, training=False)  # in evaluation, torch's function checks and warns, and no more
    return _dropout(input, p, (), "inverted", inplace, mask_key) if training else same


def dropout1d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    mask_key: Key | Tensor | None = None,
) -> Tensor:
    """dropout with one bit for each channel of (N, C, L), or of (C, L)."""
    same = F.dropout1d(input, p, training=False)
    kept = 2 if input.dim() == 3 else 1
    return _channels(input, p, kept, "inverted", inplace, mask_key) if training else same


def dropout2d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    mask_key: Key | Tensor | None = None,
) -> Tensor:
    """dropout with one bit for each channel of (N, C, H, W). As in torch, three axes are (N, C, L), with a warning."""
    same = F.dropout2d(input, p, training=False)
    return _channels(input, p, 2, "inverted", inplace, mask_key) if training else same


def dropout3d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    mask_key: Key | Tensor | None = None,
) -> Tensor:
    """dropout with one bit for each channel of (N, C, D, H, W), or of (C, D, H, W)."""
    same = F.dropout3d(input, p, training=False)
    kept = 2 if input.dim() == 5 else 1
    return _channels(input, p, kept, "inverted", inplace, mask_key) if training else same


def alpha_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    mask_key: Key | Tensor | None = None,
) -> Tensor:
    """torch.where(kept, input * a + b, d), with a, b and d of dropmask.AlphaDropout."""
    same = F.alpha_dropout(input, p, training=False)
    return _dropout(input, p, (), "alpha", inplace, mask_key) if training else same


def feature_alpha_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    mask_key: Key | Tensor | None = None,
) -> Tensor:
    """alpha_dropout with one bit for each channel of (N, C, ...)."""
    same = F.feature_alpha_dropout(input, p, training=False)
    return _channels(input, p, 2, "alpha", inplace, mask_key) if training else same


def drop_path(
    x: Tensor,
    drop_prob: float = 0.0,
    training: bool = False,
    scale_by_keep: bool = True,
    *,
    mask_key: Key | Tensor | None = None,
) -> Tensor:
    """dropout with one bit for each sample of (N, ...), as timm has it: stochastic depth. Without scale_by_keep, samples that
    are kept are x."""
    same = F.dropout(x, drop_prob, training=False)
    kind = "inverted" if scale_by_keep else "naive"
    return _dropout(x, drop_prob, tuple(range(1, x.dim())), kind, False, mask_key) if training else same


def drop_block2d(
    input: Tensor,
    p: float,
    block_size: int,
    inplace: bool = False,
    eps: float = 1e-06,
    training: bool = True,
    *,
    couple_channels: bool = False,
    mask_key: Key | Tensor | None = None,
) -> Tensor:
    """Drops blocks of (N, C, H, W), as torchvision has it: torch.where(kept, input * (kept.numel() / kept.sum()), 0).

    couple_channels: one mask for all channels of a sample. eps: torchvision's default alone, as kept.sum() is exact here, and
    where it is 0 so is the output. In place it writes a new tensor and copies that.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"drop probability has to be between 0 and 1, but got {p}.")
    if input.ndim != 4:
        raise ValueError(f"input should be 4 dimensional. Got {input.ndim} dimensions.")
    if eps != 1e-06:
        raise ValueError(f"eps is {eps}, not 1e-06: nothing is divided by a sum that may be 0")
    if not training or p == 0 or input.numel() == 0:
        return input
    check(input)
    block = min(block_size, *input.shape[2:])
    y, _ = drop_block.drop_block(input, key_tensor(mask_key), float(p), [1] if couple_channels else [], block)
    return input.copy_(y) if inplace else y


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    mask_key: Key | Tensor | None = None,
) -> Tensor:
    """dropout(softmax(query @ key.T * scale + attn_mask)) @ value, and with dropout_p=0 torch's function.

    For backward it saves query * scale, key, value and the softmax, and neither a mask nor dropped weights. The mask is that of
    dropout on an array of the shape of the scores, broadcast to mask and value. Arguments are torch's.
    """
    if dropout_p == 0:
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask, 0.0, is_causal, scale=scale, enable_gqa=enable_gqa
        )
    check(query)
    if is_causal and attn_mask is not None:
        raise RuntimeError("Explicit attn_mask should not be set when is_causal=True")  # as torch says it
    if attn_mask is not None and attn_mask.dtype not in (torch.bool, *DTYPES):
        raise RuntimeError(f"Expected attn_mask dtype to be bool or float, but got {attn_mask.dtype}")
    if enable_gqa:
        key, value = (kv.repeat_interleave(query.size(-3) // kv.size(-3), -3) for kv in (key, value))
    scale = 1 / math.sqrt(query.size(-1)) if scale is None else scale
    scores = (query * scale) @ key.transpose(-2, -1)
    batch = torch.broadcast_shapes(
        scores.shape[:-2], value.shape[:-2], () if attn_mask is None else attn_mask.shape[:-2]
    )
    scores = scores.expand(*batch, *scores.shape[-2:])
    value = value.to(scores.dtype).expand(*batch, *value.shape[-2:])
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        attn_mask = torch.zeros_like(attn_mask, dtype=scores.dtype).masked_fill(~attn_mask, -math.inf)
    # under vmap within grad, requires_grad of a mask that has a gradient is False
    if attn_mask is not None and (attn_mask.requires_grad or torch._C._are_functorch_transforms_active()):
        scores, attn_mask = (scores + attn_mask).to(scores.dtype), None
    return attention.attention(scores, value, attn_mask, key_tensor(mask_key), float(dropout_p), is_causal)[0]


def _channels(input: Tensor, p: float, kept: int, kind: str, inplace: bool, key: Key | Tensor | None) -> Tensor:
    if input.dim() < kept and p > 0:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")  # as torch says it
    return _dropout(input, p, tuple(range(kept, input.dim())), kind, inplace, key)


def _dropout(
    input: Tensor, p: float, shared: tuple[int, ...], kind: str, inplace: bool, key: Key | Tensor | None
) -> Tensor:
    check(input)
    if p == 0 or input.numel() == 0:
        return input
    y = ops.dropout(input, key_tensor(key), float(p), list(shared), kind)
    return input.copy_(y) if inplace else y


def check(input: Tensor) -> None:
    if input.device.type not in ("cpu", "meta"):
        raise NotImplementedError(f"dropmask runs on the CPU, and the input is on {input.device}")
    if input.dtype not in DTYPES:
        raise TypeError(f"the input is of {input.dtype}, not of one of {', '.join(map(str, DTYPES))}")
