import numpy as np
import pytest
from reference import close, floats, packed, same, softmax

from dropmask import AttentionDropout, Dropout, Key

DROPOUT = Dropout(Key(42).derive(1), 0.3, offset=5)
SHAPES = [(5, 7), (3, 5, 7), (2, 3, 5, 7), (2, 2, 3, 5, 7), (1, 70), (2, 3, 8, 200)]


def seen(shape, past):
    queries, keys = shape[-2:]
    return np.full((queries, keys), True) if past is None else np.tri(queries, keys, past, bool)


def weights(attention, scores, kept, *, bias=0, factor=1.0, past=None, scale=1.0):
    """The softmax, and the weights."""
    s = np.where(seen(scores.shape, past), scores * factor + bias, -np.inf)
    p = softmax(s)
    return p, np.where(kept, p * scale, 0)


def gradient(p, dy, kept, *, factor=1.0, scale=1.0):
    g = np.where(kept, dy * scale, 0)
    return p * (g - (p * g).sum(-1, keepdims=True)) * factor


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("past", [None, 0, 3, -2])
def test_passes(shape, past):
    attention = AttentionDropout(DROPOUT, factor=0.25, past=past)
    x, dy, kept = floats(*shape) * 4, floats(*shape), DROPOUT.fill_bool(shape)
    p, y = weights(attention, x, kept, factor=0.25, past=past, scale=DROPOUT.scale)
    dx = gradient(p, dy, kept, factor=0.25, scale=DROPOUT.scale)
    close(attention.forward(x), y)
    close(attention.backward(x, dy), dx)
    close(attention.evaluate(x), p)
    stored = np.full_like(x, np.nan)
    out = attention.forward(x, softmax=stored)
    same(out, attention.forward(x))
    close(stored, p)
    close(attention.backward_softmax(stored, dy), dx)
    # where it is dropped, and where nothing is seen, it is 0 exactly
    assert not out[~(kept & seen(shape, past))].any()


@pytest.mark.parametrize("shared", [(), 0, 1, (0, 1), -2], ids=str)
def test_bits_are_shared_but_by_keys(shared):
    dropout, shape = Dropout(Key(1), 0.4, shared=shared), (2, 3, 5, 70)
    x, dy, kept = floats(*shape), floats(*shape), dropout.fill_bool(shape)
    attention, words = AttentionDropout(dropout), dropout.fill(shape)
    p, y = weights(attention, x, kept, scale=dropout.scale)
    close(attention.forward(x), y)
    same(attention.forward(x, mask=words), attention.forward(x))
    close(attention.backward(x, dy), gradient(p, dy, kept, scale=dropout.scale))
    same(attention.backward(x, dy, mask=words), attention.backward(x, dy))


def test_a_mask_is_read():
    x, dy, kept = floats(3, 5, 70), floats(3, 5, 70), np.random.default_rng(3).random((3, 5, 70)) < 0.5
    attention, mask = AttentionDropout(DROPOUT), packed(kept)
    p, y = weights(attention, x, kept, scale=DROPOUT.scale)
    dx = gradient(p, dy, kept, scale=DROPOUT.scale)
    close(attention.forward(x, mask=mask), y)
    close(attention.backward(x, dy, mask=mask), dx)
    close(attention.backward_softmax(p.astype(np.float32), dy, mask=mask), dx)


BIASES = {
    "dense": lambda: floats(2, 3, 5, 7),
    "keys": lambda: floats(7),
    "padding": lambda: np.where(np.arange(7) < [[[[4]]], [[[7]]]], 0, -np.inf).astype(np.float32),
    "heads": lambda: floats(3, 1, 1) + np.zeros(7, np.float32),
    "queries": lambda: floats(5, 7),
    "broadcast": lambda: np.broadcast_to(floats(3, 1, 7), (2, 3, 5, 7)),
    "strides": lambda: floats(2, 5, 3, 14).swapaxes(1, 2)[..., :7],
}


@pytest.mark.parametrize("of", BIASES)
def test_bias(of):
    bias, x, dy = BIASES[of](), floats(2, 3, 5, 7), floats(2, 3, 5, 7)
    kept, attention = DROPOUT.fill_bool(x.shape), AttentionDropout(DROPOUT, factor=0.5)
    p, y = weights(attention, x, kept, factor=0.5, bias=bias, scale=DROPOUT.scale)
    close(attention.forward(x, bias=bias), y)
    close(attention.evaluate(x, bias=bias), p)
    close(attention.backward(x, dy, bias=bias), gradient(p, dy, kept, factor=0.5, scale=DROPOUT.scale))


def test_axes_before_the_queries_are_merged():
    x, bias = floats(2, 3, 2, 4, 5), floats(2, 4, 5)
    kept, attention = DROPOUT.fill_bool(x.shape), AttentionDropout(DROPOUT)
    close(attention.forward(x, bias=bias), weights(attention, x, kept, bias=bias, scale=DROPOUT.scale)[1])
    bias = floats(3, 1, 1, 5)
    with pytest.raises(ValueError, match="5 axes of the shape .2, 3, 2, 4, 5. are left"):
        attention.forward(x, bias=bias)


def test_renormalise():
    x, dy = floats(4, 6, 30), floats(4, 6, 30)
    kept, attention = DROPOUT.fill_bool(x.shape), AttentionDropout(DROPOUT, renormalise=True)
    p = softmax(np.where(kept, x, -np.inf))
    close(attention.forward(x), p)
    close(attention.backward(x, dy), gradient(p, dy, kept))


def test_scalings():
    x = floats(4, 6, 30)
    for scaling, keep in [("standard", 0.75), ("naive", 1), ("inverted", 1)]:
        dropout = Dropout(Key(1), 0.25, scaling=scaling)
        attention, kept = AttentionDropout(dropout), dropout.fill_bool(x.shape)
        close(attention.forward(x), weights(attention, x, kept, scale=dropout.scale)[1])
        close(attention.evaluate(x), softmax(x) * keep)


def test_in_place_and_accumulated():
    x, dy, attention = floats(3, 5, 70), floats(3, 5, 70), AttentionDropout(DROPOUT)
    out, y, dx = x.copy(), attention.forward(x), attention.backward(x, dy)
    assert attention.forward(out, out=out) is out
    same(out, y)
    out = x.copy()
    same(attention.backward(out, dy, out=out), dx)
    same(out, dx)
    out = x.copy()
    same(attention.evaluate(out, out=out), attention.evaluate(x))
    p = x.copy()
    same(attention.forward(p, softmax=p), y)
    same(p, attention.evaluate(x))
    gradient, total = attention.backward_softmax(p, dy), dy.copy()
    attention.backward_softmax(p, dy, out=total, accumulate=True)
    same(total, dy + gradient)
    same(attention.backward_softmax(p, dy, out=p), gradient)


def test_part_of_a_whole():
    """Heads and queries of a rank, which see all keys."""
    x, dy, attention = floats(2, 4, 6, 9), floats(2, 4, 6, 9), AttentionDropout(DROPOUT, past=0)
    own = np.s_[1:, 1:3, 2:6]
    part = AttentionDropout(DROPOUT.part(x.shape, (1, 1, 2, 0)), past=2)
    x_part, dy_part = np.ascontiguousarray(x[own]), np.ascontiguousarray(dy[own])
    same(part.forward(x_part), attention.forward(x)[own])
    same(part.backward(x_part, dy_part), attention.backward(x, dy)[own])


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (2, 0, 3, 4), (0, 0)], ids=str)
def test_no_elements(shape):
    x, attention = np.empty(shape, np.float32), AttentionDropout(DROPOUT, past=0)
    for y in [attention.forward(x), attention.backward(x, x), attention.evaluate(x, bias=x)]:
        assert y.shape == shape and y.dtype == np.float32


X, Y = floats(2, 5, 8), floats(2, 5, 8)
ATTENTION = AttentionDropout(DROPOUT)
MEMORY = floats(200)
REFUSED = {
    "one axis": (
        ValueError,
        r"scores has the shape \(8,\), not \(..., queries, keys\)",
        lambda: ATTENTION.forward(X[0, 0]),
    ),
    "gaps": (ValueError, "scores has gaps", lambda: ATTENTION.forward(X[..., ::2])),
    "order": (ValueError, "not in C order", lambda: ATTENTION.forward(X.swapaxes(1, 2))),
    "dtype": (TypeError, "dweights is of dtype float64", lambda: ATTENTION.backward(X, X.astype(float))),
    "shape": (ValueError, r"dweights has the shape \(5, 8\), not \(2, 5, 8\)", lambda: ATTENTION.backward(X, X[0])),
    "out shape": (ValueError, r"out has the shape \(5, 8\)", lambda: ATTENTION.forward(X, out=Y[0])),
    "bias shape": (
        ValueError,
        r"bias of the shape \(4, 8\) does not broadcast to \(2, 5, 8\), of scores",
        lambda: ATTENTION.forward(X, bias=np.zeros((4, 8), np.float32)),
    ),
    "bias of too many axes": (
        ValueError,
        "does not broadcast",
        lambda: ATTENTION.forward(X[0], bias=X),
    ),
    "bias along keys": (
        ValueError,
        "the 8 items of bias along the last axis do not follow each other: a stride of 0 bytes",
        lambda: ATTENTION.forward(X, bias=np.zeros((5, 1), np.float32)),
    ),
    "bias over out": (
        ValueError,
        "out and bias overlap",
        lambda: ATTENTION.forward(X, out=MEMORY[:80].reshape(X.shape), bias=MEMORY[72:80]),
    ),
    "scalar bias over out": (
        ValueError,
        "out and bias overlap",
        lambda: ATTENTION.forward(MEMORY[:5, None], out=MEMORY[:5, None], bias=MEMORY[:1]),
    ),
    "gradient over weights": (ValueError, "out and dweights overlap", lambda: ATTENTION.backward(X, Y, out=Y)),
    "weights and softmax": (ValueError, "out and softmax overlap", lambda: ATTENTION.forward(X, out=Y, softmax=Y)),
    "weights over scores": (ValueError, "out and scores overlap", lambda: ATTENTION.forward(X, out=X, softmax=Y)),
    "shifted": (
        ValueError,
        "out and scores overlap",
        lambda: ATTENTION.forward(MEMORY[:20].reshape(4, 5), out=MEMORY[5:25].reshape(4, 5)),
    ),
    "sum over softmax": (
        ValueError,
        "out and softmax overlap",
        lambda: ATTENTION.backward_softmax(X, Y, out=X, accumulate=True),
    ),
    "sum of nothing": (ValueError, "out, which is None", lambda: ATTENTION.backward_softmax(X, Y, accumulate=True)),
    "mask": (
        ValueError,
        r"mask has the shape \(1,\), not \(2,\)",
        lambda: ATTENTION.forward(X, mask=np.ones(1, np.uint64)),
    ),
    "past": (TypeError, "past is 0.5, not a whole number", lambda: AttentionDropout(DROPOUT, past=0.5)),
    "large past": (ValueError, "past is 18446744073709551616", lambda: AttentionDropout(DROPOUT, past=2**64)),
    "keys share": (
        ValueError,
        r"keys share a bit in Dropout\(.*shared=\(-1,\)",
        lambda: AttentionDropout(Dropout(Key(1), 0.5, shared=-1)).forward(X),
    ),
    "index": (
        ValueError,
        "passes 2..64",
        lambda: AttentionDropout(Dropout(Key(1), 0.5, offset=2**64 - 16)).forward(X),
    ),
    "read-only": (
        ValueError,
        "softmax is read-only",
        lambda: ATTENTION.forward(X, softmax=np.broadcast_to(Y, Y.shape)),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_names_and_numbers(name):
    error, text, call = REFUSED[name]
    before = X.copy(), Y.copy(), MEMORY.copy()
    with pytest.raises(error, match=text):
        call()
    for array, copy in zip((X, Y, MEMORY), before):
        same(array, copy)
