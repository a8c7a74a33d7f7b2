"""The custom operators under the functions and modules: what autograd, torch.compile and torch.export see.

An operator and not a torch.autograd.Function: on 1,024 elements the two take about the same time, and the compiler keeps an
operator as a node of its graph, where it would trace into a Function and end at NumPy.

key is an int64 tensor, the raw value of a dropmask.Key and the steps below it, so that a graph takes another step as data. It
is all that is saved for backward, which draws the mask again.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.autograd import forward_ad

import dropmask

Scaling = Literal["inverted", "standard", "naive"]

ALPHA = -1.7580993408473766


def operator(schema: str) -> Callable:
    """Defines the operator of this schema on the CPU by the function that follows. Schemas are not inferred of type hints, of
    which releases of torch know different ones."""
    name, arguments = schema.split("(", 1)
    return torch.library.custom_op(f"dropmask::{name}", mutates_args=(), device_types="cpu", schema="(" + arguments)


def differentiable(name: str, setup: Callable, backward: Callable, vmap: Callable | None = None) -> Callable:
    """Registers how to differentiate and to vmap the operator `name`, and returns the function that calls it.

    vmap: a rule that takes what to call first; without one, a call for each sample.
    """
    overload = getattr(torch.ops.dropmask, name).default

    def each(call, info, in_dims, *args):
        batched = [isinstance(arg, Tensor) and dim is not None for arg, dim in zip(args, in_dims)]
        samples = [
            call(*(arg.select(dim, i) if has else arg for arg, dim, has in zip(args, in_dims, batched)))
            for i in range(info.batch_size)
        ]
        if isinstance(samples[0], Tensor):
            return torch.stack(samples), 0
        return tuple(map(torch.stack, zip(*samples))), (0,) * len(samples[0])

    rule = vmap or each
    methods = {
        "forward": lambda *args: overload(*args),
        "setup_context": setup,
        "backward": backward,
        "vmap": lambda *args: rule(call, *args),
    }
    # the gradient of an operator is not known to torch.func.grad and its like, that of a Function is
    statics = {name: staticmethod(method) for name, method in methods.items()}
    transformed = type(f"Transformed_{name}", (torch.autograd.Function,), statics)
    torch.library.register_autograd(f"dropmask::{name}", backward, setup_context=setup)
    # which torch.compile takes: a Function cannot be called there
    torch.library.register_vmap(f"dropmask::{name}", lambda *args: rule(overload, *args))

    def call(*args):
        # of an operator alone, vmap has no gradient either, and forward mode has tangents of 0 in silence
        if torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0:
            return transformed.apply(*args)  # type: ignore[attr-defined]
        return overload(*args)

    return call


def read(key: Tensor, p: float, shared: list[int], scaling: Scaling = "inverted") -> dropmask.Dropout:
    """The dropout of the package for NumPy that a key tensor names."""
    raw, *steps = key.tolist()
    derived = dropmask.Key.from_raw(raw % 2**64).derive(*steps)
    return dropmask.Dropout(derived, p, scaling=scaling, shared=shared, threads=torch.get_num_threads())


def saved_key(ctx, key: Tensor) -> Tensor:
    """The key that was saved; under checkpointing it is that of the pass computed again, which has to be the same."""
    if key is not ctx.key and not torch.compiler.is_compiling() and not torch.equal(key, ctx.key):
        raise RuntimeError(
            "the forward pass was computed again with another mask: under torch.utils.checkpoint, call backward within the "
            "dropmask.torch.step of the forward pass, and leave preserve_rng_state=True where a module has no key"
        )
    return key


def run(kernel: Callable, x: Tensor, out: Tensor) -> None:
    """kernel on float32 tensors where they lie; on a dense copy where the library does not take their strides."""
    try:
        kernel(x.numpy(force=True), out=out.numpy(force=True))
    except ValueError:
        out.copy_(torch.from_numpy(kernel(x.contiguous().numpy(force=True))))


def memory_order(x: Tensor, shared: list[int]) -> list[int]:
    """The axes from the largest stride to the smallest, or as they are where that would change the order of bits."""
    axes = sorted(range(x.dim()), key=x.stride, reverse=True)
    noise = [axis for axis in axes if axis not in shared and x.shape[axis] > 1]
    return axes if noise == sorted(noise) else list(range(x.dim()))


def coefficients(dropout: dropmask.Dropout, kind: str) -> tuple[float, float, float]:
    """a, b and d of where(kept, x * a + b, d), as doubles."""
    q = dropout.threshold / 2**32
    if q == 0 or kind == "naive":
        return 1.0, 0.0, 0.0
    if kind == "inverted":
        return 1 / q, 0.0, 0.0
    a = (q + ALPHA**2 * q * (1 - q)) ** -0.5
    return (a, -a * ALPHA * (1 - q), ALPHA * a * q) if kind == "alpha" else (a, 0.0, 0.0)


@operator("dropout(Tensor x, Tensor key, float p, int[] shared, str kind) -> Tensor")
def _dropout(x: Tensor, key: Tensor, p: float, shared: list[int], kind: str) -> Tensor:
    out = torch.empty_like(x)
    order = memory_order(x, shared)  # so that of channels_last the channels are the innermost loop
    x, y, shared = x.permute(order), out.permute(order), [order.index(axis) for axis in shared]
    drawn = read(key, p, shared, "naive" if kind == "naive" else "inverted")
    if x.dtype == torch.float64:
        a, b, d = coefficients(drawn, kind)
        y.copy_(torch.where(torch.from_numpy(drawn.fill_bool(x.shape)), x * a + b, d))
        return out
    kernel: Callable = drawn.forward
    if kind == "alpha":
        kernel = dropmask.AlphaDropout(drawn).forward
    elif kind == "alpha_backward":
        kernel = dropmask.AlphaDropout(drawn).backward
    if x.dtype == torch.float32:
        run(kernel, x, y)
    else:
        wide = x.float()
        run(kernel, wide, wide)
        y.copy_(wide)
    return out


@_dropout.register_fake
def _(x, key, p, shared, kind):
    return torch.empty_like(x)


def _save(ctx, inputs, output):
    _, key, *ctx.settings = inputs
    ctx.key = key
    ctx.save_for_backward(key)


def _backward(ctx, dy):
    p, shared, kind = ctx.settings
    kind = "alpha_backward" if kind == "alpha" else kind
    return dropout(dy, saved_key(ctx, *ctx.saved_tensors), p, shared, kind), None, None, None, None


def _vmap(call, info, in_dims, x, key, p, shared, kind):
    x_dim, key_dim, *_ = in_dims
    if key_dim is None:  # one key: each sample is dropped as it would be alone
        return call(x.movedim(x_dim, 0), key, p, [0, *(axis + 1 for axis in shared)], kind), 0
    samples = [x] * info.batch_size if x_dim is None else x.unbind(x_dim)
    return torch.stack([call(x, key, p, shared, kind) for x, key in zip(samples, key.unbind(key_dim))]), 0


dropout = differentiable("dropout", _save, _backward, _vmap)
"""dropout(x, key, p, shared, kind): where(kept, x * a + b, d) with one bit along the shared axes. kind says what a, b and d
are: "inverted", "naive", "alpha", or "alpha_backward" for the gradient of that; the others are their own gradient."""
