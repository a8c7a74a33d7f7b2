"""The example for JAX, compared with jax.numpy.where and the mask of the package, to the bit where nothing is summed."""

import sys

import numpy as np
import pytest
from reference import ROOT, dropped, floats, same

from dropmask import Dropout, Key

jax = pytest.importorskip("jax")
jnp = jax.numpy
sys.path.append(str(ROOT / "python/examples"))
from jax_dropout import derive, dropout, new_key

KEY = Key(2**63 + 42).derive(7)
HALVES = derive(new_key(2**63 + 42), 7)
SHAPES = [((), ()), ((1500,), ()), ((3, 0), ()), ((4, 3, 2, 5), (2, -1)), ((4, 3), 0)]


def reference(key, p, shape, shared=()):
    """dropout by jax.numpy.where, of which JAX derives the gradients."""
    settings = Dropout(key, p, shared=shared)
    return lambda x: jnp.where(settings.fill_bool(shape), x * np.float32(settings.scale), np.float32(0))


def loss(dropout):
    return lambda x: (dropout(jnp.tanh(x)) ** 2).sum()


def test_keys():
    key = Key(5).derive(1, 2**32 - 1)
    expected = np.array([key.raw >> 32, key.raw % 2**32], np.uint32)
    for run in [derive, jax.jit(derive)]:
        np.testing.assert_array_equal(run(new_key(5), 1, np.uint32(2**32 - 1)), expected)
    many = jax.vmap(lambda sample: derive(HALVES, sample))(jnp.arange(4))
    np.testing.assert_array_equal(many, [derive(HALVES, sample) for sample in range(4)])


@pytest.mark.parametrize("shape, shared", SHAPES, ids=str)
@pytest.mark.parametrize("p", [0, 0.1, 1])
def test_forward_and_backward(shape, shared, p):
    x, dy = jnp.asarray(floats(*shape)), jnp.asarray(floats(*shape))
    settings = Dropout(KEY, p, shared=shared)
    kept = settings.fill_bool(shape)
    for run in [dropout, jax.jit(dropout, static_argnums=(2, 3))]:
        same(np.asarray(run(x, HALVES, p, shared)), dropped(kept, x, settings.scale))
    _, backward = jax.vjp(lambda x: dropout(x, HALVES, p, shared), x)
    same(np.asarray(backward(dy)[0]), dropped(kept, dy, settings.scale))


def test_gradients_of_every_order():
    x = jnp.asarray(floats(30))
    ours, theirs = loss(lambda x: dropout(x, HALVES, 0.3)), loss(reference(KEY, 0.3, x.shape))
    np.testing.assert_allclose(jax.jit(jax.grad(ours))(x), jax.grad(theirs)(x), rtol=1e-4, atol=1e-6)

    def second(f):
        return jax.grad(lambda x: (jax.grad(f)(x) ** 2).sum())(x)

    np.testing.assert_allclose(second(ours), second(theirs), rtol=1e-4, atol=1e-6)


def test_the_key_alone_is_kept_for_the_gradient():
    _, backward = jax.vjp(lambda x: dropout(x, HALVES, 0.1), jnp.ones((64, 100)))
    kept = jax.tree.leaves(backward)
    assert [(array.shape, array.dtype) for array in kept] == [((2,), np.uint32)]


def test_checkpoint():
    """The pass that is computed again has the mask of the first one, also with a key derived of a traced step."""
    x = jnp.asarray(floats(64, 100))

    def block(x, step):
        return (dropout(jnp.tanh(x), derive(HALVES, step), 0.3) ** 2).sum()

    again = jax.jit(jax.grad(jax.checkpoint(block)))
    for step in range(2):
        same(np.asarray(again(x, step)), np.asarray(jax.jit(jax.grad(block))(x, step)))
        expected = jax.grad(loss(reference(KEY.derive(step), 0.3, x.shape)))(x)
        np.testing.assert_allclose(again(x, step), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shared", [(), -1], ids=str)
def test_vmap(shared):
    x, samples = floats(2, 5, 6, 70), [[Key(3).derive(i, j) for j in range(5)] for i in range(2)]
    keys = jnp.array([[divmod(key.raw, 2**32) for key in row] for row in samples], jnp.uint32)
    expected = np.stack([[Dropout(k, 0.3, shared=shared).forward(a) for k, a in zip(*row)] for row in zip(samples, x)])

    def run(x, key):
        return dropout(x, key, 0.3, shared)

    each = jax.vmap(jax.vmap(run))
    same(np.asarray(each(x, keys)), expected)
    dx = jax.jit(jax.grad(lambda x: each(x, keys).sum()))(x)
    same(np.asarray(dx), np.stack([[run(jnp.ones_like(a), k) for k, a in zip(*row)] for row in zip(keys, x)]))
    # one key for all samples; and one sample with a key for each of several masks
    same(np.asarray(jax.vmap(run, (0, None))(x[0], keys[0, 0])), np.stack([run(a, keys[0, 0]) for a in x[0]]))
    same(np.asarray(jax.vmap(run, (None, 0))(x[0, 0], keys[0])), np.stack([run(x[0, 0], k) for k in keys[0]]))


def test_scan_over_large_arrays():
    """Callbacks one after the other, in one program, on arrays that are not copied."""
    x = jnp.ones(1 << 20)
    y, _ = jax.jit(
        lambda x: jax.lax.scan(lambda x, step: (dropout(x, derive(HALVES, step), 0.5), None), x, jnp.arange(4))
    )(x)
    kept = np.logical_and.reduce([Dropout(KEY.derive(step), 0.5).fill_bool(x.shape) for step in range(4)])
    same(np.asarray(y), np.where(kept, np.float32(16), np.float32(0)))


X = jnp.ones((4, 8))
REFUSED = {
    "half": (TypeError, "x is of dtype float16, not float32", lambda: dropout(X.astype(np.float16), HALVES, 0.5)),
    "p": (ValueError, "1.5", lambda: jax.jit(lambda x: dropout(x, HALVES, 1.5))(X)),
    "shared": (ValueError, "shared axis 2 of an array of 2 axes", lambda: dropout(X, HALVES, 0.5, 2)),
    "key": (ValueError, r"key is int32 of the shape \(2,\), not uint32", lambda: dropout(X, np.arange(2), 0.5)),
    "keys": (ValueError, r"key is uint32 of the shape \(3, 2\)", lambda: derive(np.zeros((3, 2), np.uint32), 1)),
    "seed": (ValueError, "seed is -1", lambda: new_key(-1)),
    "step": (Exception, "step is -2, not from 0", lambda: jax.block_until_ready(derive(HALVES, -2))),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_names_and_numbers(name):
    error, text, call = REFUSED[name]
    with pytest.raises(error, match=text):
        call()
