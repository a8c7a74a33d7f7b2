"""Operators of attention: softmax, dropout of the weights and their product with the values."""

import math

import torch
from torch import Tensor

import dropmask
from dropmask.torch.ops import coefficients, differentiable, dropout, read, saved_key


@torch.library.custom_op("dropmask::attention", mutates_args=(), device_types="cpu")
def _attention(
    scores: Tensor, value: Tensor, bias: Tensor | None, key: Tensor, p: float, causal: bool
) -> tuple[Tensor, Tensor]:
    drawn = read(key, p, [])
    if scores.dtype == torch.float64:
        s = scores if bias is None else scores + bias
        if causal:
            seen = torch.ones(s.shape[-2:], dtype=torch.bool).tril()
            s = s.masked_fill(~seen, -math.inf)
        # where a query sees no key, the weights are 0, as in the kernel
        softmax = s.softmax(-1).masked_fill((s == -math.inf).all(-1, keepdim=True), 0.0)
        scale, *_ = coefficients(drawn, "inverted")
        weights = torch.where(torch.from_numpy(drawn.fill_bool(s.shape)), softmax * scale, 0.0)
    else:
        wide = scores.float().contiguous()
        softmax, weights = torch.empty_like(wide), torch.empty_like(wide)
        arrays = {"out": weights.numpy(), "softmax": softmax.numpy()}
        if bias is not None:
            arrays["bias"] = bias.float().expand(scores.shape).contiguous().numpy(force=True)
        kernel = dropmask.AttentionDropout(drawn, past=0 if causal else None).forward
        kernel(wide.numpy(force=True), **arrays)
        softmax, weights = softmax.to(scores.dtype), weights.to(scores.dtype)
    return (weights @ value).contiguous(), softmax.contiguous()


@_attention.register_fake
def _(scores, value, bias, key, p, causal):
    return scores.new_empty((*scores.shape[:-1], value.shape[-1])), scores.new_empty(scores.shape)


def _save(ctx, inputs, output):
    _, value, _, ctx.key, ctx.p, _ = inputs
    ctx.save_for_backward(value, output[1], ctx.key)
    ctx.set_materialize_grads(False)


def _backward(ctx, dout, dsoftmax):
    value, softmax, key = ctx.saved_tensors
    key, dscores, dvalue = saved_key(ctx, key), None, None
    if dsoftmax is not None:  # of a second derivative
        dscores = softmax * (dsoftmax - (softmax * dsoftmax).sum(-1, keepdim=True))
    if dout is not None:
        dvalue = dropout(softmax, key, ctx.p, [], "inverted").transpose(-2, -1) @ dout
        through = attention_backward(softmax, dout @ value.transpose(-2, -1), key, ctx.p)
        dscores = through if dscores is None else dscores + through
    return dscores, dvalue, None, None, None, None


@torch.library.custom_op("dropmask::attention_backward", mutates_args=(), device_types="cpu")
def _attention_backward(softmax: Tensor, dweights: Tensor, key: Tensor, p: float) -> Tensor:
    if softmax.dtype == torch.float64:
        g = dropout(dweights, key, p, [], "inverted")
        return softmax * (g - (softmax * g).sum(-1, keepdim=True))
    out = torch.empty(softmax.shape, dtype=torch.float32)
    wide = (t.float().contiguous().numpy(force=True) for t in (softmax, dweights))
    dropmask.AttentionDropout(read(key, p, [])).backward_softmax(*wide, out=out.numpy())
    return out.to(softmax.dtype)


@_attention_backward.register_fake
def _(softmax, dweights, key, p):
    return softmax.new_empty(softmax.shape)


def _save_backward(ctx, inputs, output):
    softmax, dweights, ctx.key, ctx.p = inputs
    ctx.save_for_backward(softmax, dweights, ctx.key)


def _backward_backward(ctx, h):
    softmax, dweights, key = ctx.saved_tensors
    g = dropout(dweights, saved_key(ctx, key), ctx.p, [], "inverted")
    mean = (softmax * h).sum(-1, keepdim=True)
    dsoftmax = h * (g - (softmax * g).sum(-1, keepdim=True)) - g * mean
    return dsoftmax, dropout(softmax * (h - mean), key, ctx.p, [], "inverted"), None, None


attention = differentiable("attention", _save, _backward)
"""attention(scores, value, bias, key, p, causal): dropped softmax(scores + bias) @ value, and the softmax. It saves value and
the softmax for backward; bias has no gradient."""

attention_backward = differentiable("attention_backward", _save_backward, _backward_backward)
"""attention_backward(softmax, dweights, key, p): the gradient of the scores."""
