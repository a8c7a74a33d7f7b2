"""The custom operators under the functions and modules: what autograd, torch.compile and torch.export see.

An operator and not a torch.autograd.Function: on 1,024 elements the two take about the same time, and the compiler keeps an
operator as a node of its graph, where it would trace into a Function and end at NumPy.

key is an int64 tensor, the raw value of a dropmask.Key and the steps below it, so that a graph takes another step as data. It
is all that is saved for backward, which draws the mask again.
"""

from collections.abc import Callable

import torch
from torch import Tensor

import dropmask

ALPHA = -1.7580993408473766


def differentiable(name: str, setup: Callable, backward: Callable, vmap: Callable | None = None) -> Callable:
    """Registers how to differentiate and to vmap the operator `name`, and returns the function that calls it.

    vmap: without one, a call for each sample.
    """
    operator = getattr(torch.ops.dropmask, name).default

    def each(info, in_dims, *args):
        samples = [
            call(*(arg if dim is None else arg.select(dim, i) for arg, dim in zip(args, in_dims)))
            for i in range(info.batch_size)
        ]
        if isinstance(samples[0], Tensor):
            return torch.stack(samples), 0
        return tuple(map(torch.stack, zip(*samples))), (0,) * len(samples[0])

    # The gradient of an operator is not known to torch.func.grad and its like, that of a Function is.
    class Transformed(torch.autograd.Function):
        @staticmethod
        def forward(*args):
            return operator(*args)

    Transformed.setup_context = staticmethod(setup)
    Transformed.backward = staticmethod(backward)
    Transformed.vmap = staticmethod(vmap or each)
    torch.library.register_autograd(f"dropmask::{name}", backward, setup_context=setup)
    torch.library.register_vmap(f"dropmask::{name}", vmap or each)

    def call(*args):
        if torch._C._are_functorch_transforms_active() and any(isinstance(a, Tensor) and a.requires_grad for a in args):
            return Transformed.apply(*args)
        return operator(*args)

    return call


def read(key: Tensor, p: float, shared: list[int], scaling: str = "inverted") -> dropmask.Dropout:
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


def coefficients(dropout: dropmask.Dropout, kind: str) -> tuple[float, float, float]:
    """a, b and d of where(kept, x * a + b, d), as doubles."""
    q = dropout.threshold / 2**32
    if q == 0 or kind == "naive":
        return 1.0, 0.0, 0.0
    if kind == "inverted":
        return 1 / q, 0.0, 0.0
    a = (q + ALPHA**2 * q * (1 - q)) ** -0.5
    return (a, -a * ALPHA * (1 - q), ALPHA * a * q) if kind == "alpha" else (a, 0.0, 0.0)


@torch.library.custom_op("dropmask::dropout", mutates_args=(), device_types="cpu")
def _dropout(x: Tensor, key: Tensor, p: float, shared: list[int], kind: str) -> Tensor:
    out = torch.empty_like(x)
    drawn = read(key, p, shared, "naive" if kind == "naive" else "inverted")
    if x.dtype == torch.float64:
        a, b, d = coefficients(drawn, kind)
        return out.copy_(torch.where(torch.from_numpy(drawn.fill_bool(x.shape)), x * a + b, d))
    if kind == "alpha":
        kernel = dropmask.AlphaDropout(drawn).forward
    elif kind == "alpha_backward":
        kernel = dropmask.AlphaDropout(drawn).backward
    else:
        kernel = drawn.forward
    if x.dtype == torch.float32:
        run(kernel, x, out)
    else:
        wide = x.float()
        run(kernel, wide, wide)
        out.copy_(wide)
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


def _vmap(info, in_dims, x, key, p, shared, kind):
    x_dim, key_dim, *_ = in_dims
    if key_dim is None:  # one key: each sample is dropped as it would be alone
        return dropout(x.movedim(x_dim, 0), key, p, [0, *(axis + 1 for axis in shared)], kind), 0
    samples = [x] * info.batch_size if x_dim is None else x.unbind(x_dim)
    return torch.stack([dropout(x, key, p, shared, kind) for x, key in zip(samples, key.unbind(key_dim))]), 0


dropout = differentiable("dropout", _save, _backward, _vmap)
"""dropout(x, key, p, shared, kind): where(kept, x * a + b, d) with one bit along the shared axes. kind says what a, b and d
are: "inverted", "naive", "alpha", or "alpha_backward" for the gradient of that; the others are their own gradient."""
