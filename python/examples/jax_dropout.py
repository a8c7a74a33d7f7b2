"""Dropout for JAX with the masks of dropmask, by a callback to the host: copy this file.

    key = derive(new_key(42), layer, step)  # step may be traced
    y = dropout(x, key, 0.1)

A key is two uint32, the high and the low half of `Key.raw`: without `jax_enable_x64` JAX has no uint64. The mask is a pure
function of key, drop probability and index, so that the gradient draws it again: the key alone is kept for it. `jax.jit`,
`jax.grad` of any order, `jax.checkpoint`, and `jax.vmap` with a key for each sample or one for all. Not: `jax.jvp`.
"""

from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

import jax
import numpy as np
from jax.typing import ArrayLike

from dropmask import Dropout, Key

Axes: TypeAlias = int | tuple[int, ...]


def new_key(seed: int) -> np.ndarray:
    """The halves of `dropmask.Key(seed)`: uint32, (2,)."""
    return _halves(Key(seed))


def derive(key: ArrayLike, *steps: ArrayLike) -> jax.Array:
    """The halves of `key.derive(*steps)`: uint32, (2,). Steps are whole numbers; a negative one is an error of the callback."""
    signature = "(2)" + ",()" * len(steps) + "->(2)"
    run = np.vectorize(lambda key, *steps: _halves(_whole(key).derive(*steps)), signature=signature)
    return jax.pure_callback(run, _like((2,), np.uint32), _keyed(key), *steps, vmap_method="broadcast_all")


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def dropout(x: ArrayLike, key: ArrayLike, p: float, shared: Axes = ()) -> jax.Array:
    """`numpy.where(kept, x * scale, 0)`, kept and scale of `dropmask.Dropout(key, p, shared=shared)`.

    x: float32, of any shape; another dtype is a TypeError. key: uint32, (2,). shared: axes of x along which elements share
    one bit. Another shape of the key, a p outside of [0, 1] or a shared axis that x has not is a ValueError.
    """
    x = jax.numpy.asarray(x)
    if x.dtype != np.float32:
        raise TypeError(f"x is of dtype {x.dtype}, not float32")
    Dropout(Key(0), p, shared=shared).words(x.shape)  # says what is wrong with p and shared before anything runs
    run = partial(_forward, p, shared, x.ndim)
    return jax.pure_callback(run, _like(x.shape, x.dtype), x, _keyed(key), vmap_method="broadcast_all")


# The map is linear and its own gradient. A key has none.
dropout.defvjp(
    lambda x, key, p, shared: (dropout(x, key, p, shared), key),
    lambda p, shared, key, dy: (dropout(dy, key, p, shared), None),
)


def _forward(p: float, shared: Axes, ndim: int, x: jax.Array, keys: jax.Array) -> np.ndarray:
    """x of `ndim` axes, after those of vmap, which the keys have too."""
    x, keys = np.asarray(x), np.asarray(keys)
    y = np.empty_like(x)
    for i in np.ndindex(x.shape[: x.ndim - ndim]):
        Dropout(_whole(keys[i]), p, shared=shared).forward(x[(*i, ...)], out=y[(*i, ...)])
    return y


def _keyed(key: ArrayLike) -> jax.Array:
    key = jax.numpy.asarray(key)
    if key.shape != (2,) or key.dtype != np.uint32:
        raise ValueError(f"key is {key.dtype} of the shape {key.shape}, not uint32 of (2,)")
    return key


def _like(shape: Sequence[int], dtype: np.dtype) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)


def _halves(key: Key) -> np.ndarray:
    return np.array(divmod(key.raw, 2**32), np.uint32)


def _whole(halves: np.ndarray) -> Key:
    high, low = halves.tolist()
    return Key.from_raw(high << 32 | low)
