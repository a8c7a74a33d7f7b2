"""Operators of DropBlock."""

import numpy as np
import torch
from torch import Tensor

import dropmask
from dropmask.torch.ops import differentiable, operator, read, saved_key


def _in_double(x: Tensor, blocks: dropmask.DropBlock, shared: list[int]) -> tuple[Tensor, int]:
    words, kept = blocks.fill(x.shape)
    noise = [1 if axis in shared else n for axis, n in enumerate(x.shape)]
    bits = np.unpackbits(words.astype("<u8").view(np.uint8), count=int(np.prod(noise)), bitorder="little")
    mask = torch.from_numpy(bits.reshape(noise)).bool()
    return torch.where(mask, x * (mask.numel() / max(kept, 1)), 0.0), kept


@operator("drop_block(Tensor x, Tensor key, float p, int[] shared, int block) -> (Tensor, Tensor)")
def _drop_block(x: Tensor, key: Tensor, p: float, shared: list[int], block: int) -> tuple[Tensor, Tensor]:
    drawn = read(key, p, shared)
    blocks = dropmask.DropBlock(drawn, block)
    if x.dtype == torch.float64:
        y, kept = _in_double(x, blocks, shared)
    else:
        words = np.empty(drawn.words(x.shape), np.uint64)  # so that the mask is drawn once, and counted
        array, kept = blocks.forward(x.float().contiguous().numpy(force=True), mask=words)
        y = torch.from_numpy(array).to(x.dtype)
    return y.contiguous(), torch.tensor(kept)


@_drop_block.register_fake
def _(x, key, p, shared, block):
    return x.new_empty(x.shape), key.new_empty(())


def _save(ctx, inputs, output):
    _, ctx.key, *ctx.settings = inputs
    ctx.save_for_backward(ctx.key, output[1])
    ctx.mark_non_differentiable(output[1])


def _backward(ctx, dy, _):
    key, kept = ctx.saved_tensors
    return drop_block_backward(dy, saved_key(ctx, key), kept, *ctx.settings), None, None, None, None


@operator("drop_block_backward(Tensor dy, Tensor key, Tensor kept, float p, int[] shared, int block) -> Tensor")
def _drop_block_backward(dy: Tensor, key: Tensor, kept: Tensor, p: float, shared: list[int], block: int) -> Tensor:
    blocks = dropmask.DropBlock(read(key, p, shared), block)
    if dy.dtype == torch.float64:
        return _in_double(dy, blocks, shared)[0].contiguous()
    dx = blocks.backward(dy.float().contiguous().numpy(force=True), int(kept))
    return torch.from_numpy(dx).to(dy.dtype)


@_drop_block_backward.register_fake
def _(dy, key, kept, p, shared, block):
    return dy.new_empty(dy.shape)


def _save_backward(ctx, inputs, output):
    _, ctx.key, kept, *ctx.settings = inputs
    ctx.save_for_backward(ctx.key, kept)


def _backward_backward(ctx, ddx):
    key, kept = ctx.saved_tensors
    return drop_block_backward(ddx, saved_key(ctx, key), kept, *ctx.settings), None, None, None, None, None


drop_block = differentiable("drop_block", _save, _backward)
"""drop_block(x, key, p, shared, block): blocks of x dropped, and the number of bits that are kept. It saves that number."""

drop_block_backward = differentiable("drop_block_backward", _save_backward, _backward_backward)
"""drop_block_backward(dy, key, kept, p, shared, block): the gradient, which is its own gradient."""
