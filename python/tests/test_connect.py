import numpy as np
import pytest
from reference import close, floats, packed, same

from dropmask import DropConnect, Dropout, Key

KEY = Key(42).derive(1)
DROPOUT = Dropout(KEY, 0.3, offset=5)
SIZES = [(3, 7, 11), (1, 1, 1), (4, 2, 1500), (5, 60, 40)]


def masks(dropout, batch, shape, per_sample, first=0):
    """Of each sample."""
    keys = [dropout.derive(first + n) if per_sample else dropout for n in range(batch)]
    return np.stack([key.fill_bool(shape) for key in keys])


def expected(kept, x, w, b, dy, scale):
    """y, dx, dw, in double."""
    x, dy, dropped = x.astype(float), dy.astype(float), np.where(kept, w.astype(float) * scale, 0)
    y = np.einsum("noi,ni->no", dropped, x) + b
    dx = np.einsum("noi,no->ni", dropped, dy)
    return y, dx, np.einsum("noi,no,ni->oi", kept * float(scale), dy, x)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("per_sample", [False, True])
def test_passes(size, per_sample):
    batch, outputs, inputs = size
    x, w, b, dy = floats(batch, inputs), floats(outputs, inputs), floats(outputs), floats(batch, outputs)
    first = 9 if per_sample else 0
    connect = DropConnect(DROPOUT, per_sample=per_sample, first_sample=first)
    kept = masks(DROPOUT, batch, w.shape, per_sample, first)
    y, dx, dw = expected(kept, x, w, b, dy, DROPOUT.scale)
    words = packed(kept if per_sample else kept[0])
    for mask in (None, words):
        close(connect.forward(x, w, b, mask=mask), y, 1e-4)
        close(connect.forward(x, w, mask=mask), y - b, 1e-4)
        close(connect.backward_input(w, dy, mask=mask), dx, 1e-4)
        close(connect.backward_weights(x, dy, mask=mask), dw, 1e-4)
    total = np.zeros(outputs, np.float32)
    for row in dy:
        total += row
    same(connect.backward_bias(dy), total)


def test_evaluation_and_moments():
    x, w, b = floats(3, 11), floats(7, 11), floats(7)
    for scaling, keep in [("inverted", 1), ("standard", 0.75), ("naive", 1)]:
        connect = DropConnect(Dropout(KEY, 0.25, scaling=scaling))
        close(connect.evaluate(x, w, b), x @ w.T * keep + b, 1e-5)
        close(connect.evaluate(x, w), x @ w.T * keep, 1e-5)
        mean, variance = connect.moments(x, w, b)
        q, spread = (1, 0.25 / 0.75) if scaling == "inverted" else (0.75, 0.75 * 0.25)
        close(mean, x @ w.T * q + b, 1e-5)
        close(variance, x**2 @ (w**2).T * spread, 1e-5)
        draws = np.stack(
            [DropConnect(Dropout(KEY.derive(i), 0.25, scaling=scaling)).forward(x, w, b) for i in range(4000)]
        )
        assert (abs(draws.mean(0) - mean) < 5 * np.sqrt(variance / 4000)).all()


def test_what_is_dropped_adds_nothing():
    w = np.full((1, 100), np.nan, np.float32)
    kept = DROPOUT.fill_bool(w.shape)
    w[kept] = 2
    y = DropConnect(Dropout(KEY, 0.3, offset=5, scaling="naive")).forward(np.ones((1, 100), np.float32), w)
    assert y[0, 0] == 2 * kept.sum()


def test_accumulates():
    x, w, dy, connect = floats(3, 11), floats(7, 11), floats(3, 7), DropConnect(DROPOUT)
    dx, dw = floats(3, 11), floats(7, 11)
    of_x, of_w = dx + connect.backward_input(w, dy), dw + connect.backward_weights(x, dy)
    assert connect.backward_input(w, dy, out=dx, accumulate=True) is dx
    assert connect.backward_weights(x, dy, out=dw, accumulate=True) is dw
    close(dx, of_x, 1e-5)
    close(dw, of_w, 1e-5)


def test_leading_axes_are_rows():
    x, w, dy = floats(2, 3, 11), floats(7, 11), floats(2, 3, 7)
    connect = DropConnect(DROPOUT, per_sample=True)
    same(connect.forward(x, w), connect.forward(x.reshape(6, 11), w).reshape(2, 3, 7))
    same(connect.backward_input(w, dy), connect.backward_input(w, dy.reshape(6, 7)).reshape(x.shape))
    same(connect.backward_weights(x, dy), connect.backward_weights(x.reshape(6, 11), dy.reshape(6, 7)))
    same(connect.forward(x[0, 0], w), connect.forward(x, w)[0, 0])


def test_parts_of_a_whole():
    x, w, b = floats(4, 11), floats(7, 11), floats(7)
    columns, outputs = np.ascontiguousarray(w[:, 3:8]), w[2:5].copy()
    of_columns = DropConnect(DROPOUT.part(w.shape, (0, 3)))
    kept = DROPOUT.fill_bool(w.shape)[:, 3:8]
    close(of_columns.forward(x[:, 3:8].copy(), columns), x[:, 3:8] @ np.where(kept, columns * DROPOUT.scale, 0).T, 1e-5)
    of_outputs = DropConnect(DROPOUT.part(w.shape, (2, 0)))
    same(of_outputs.forward(x, outputs, b[2:5]), DropConnect(DROPOUT).forward(x, w, b)[:, 2:5])
    samples = DropConnect(DROPOUT, per_sample=True, first_sample=1)
    same(samples.forward(x[1:], w), DropConnect(DROPOUT, per_sample=True).forward(x, w)[1:])


@pytest.mark.parametrize("size", [(0, 3, 4), (2, 0, 4), (2, 3, 0)], ids=str)
def test_no_elements(size):
    batch, outputs, inputs = size
    x, w, dy = floats(batch, inputs), floats(outputs, inputs), floats(batch, outputs)
    b, connect = floats(outputs), DropConnect(DROPOUT, per_sample=True)
    same(connect.forward(x, w, b), np.broadcast_to(b, (batch, outputs)) + np.zeros((batch, outputs), np.float32))
    same(connect.backward_input(w, dy), np.zeros_like(x))
    same(connect.backward_weights(x, dy), np.zeros_like(w))
    assert connect.evaluate(x, w).shape == dy.shape


X, W, B, DY = floats(3, 11), floats(7, 11), floats(7), floats(3, 7)
MEMORY = floats(300)
CONNECT, SAMPLES = DropConnect(DROPOUT), DropConnect(DROPOUT, per_sample=True)
REFUSED = {
    "x": (
        ValueError,
        r"x has the shape \(3, 10\), not \(..., 11\), as weights",
        lambda: CONNECT.forward(floats(3, 10), W),
    ),
    "dy": (ValueError, r"dy has the shape \(3, 11\), not \(..., 7\)", lambda: CONNECT.backward_input(W, X)),
    "weights": (ValueError, r"weights has the shape \(7,\), not \(outputs, inputs\)", lambda: CONNECT.forward(X, B)),
    "order": (ValueError, "weights has gaps between its items, or is not in C order", lambda: CONNECT.forward(DY, W.T)),
    "bias": (ValueError, r"bias has the shape \(11,\), not \(7,\)", lambda: CONNECT.forward(X, W, X[0])),
    "rows": (ValueError, r"dy has the shape \(2, 7\), not \(3, 7\)", lambda: CONNECT.backward_weights(X, DY[:2])),
    "out": (ValueError, r"out has the shape \(3, 11\), not \(3, 7\)", lambda: CONNECT.forward(X, W, out=X)),
    "out over x": (
        ValueError,
        "out and x overlap",
        lambda: CONNECT.forward(MEMORY[:33].reshape(3, 11), W, out=MEMORY[:21].reshape(3, 7)),
    ),
    "out over weights": (
        ValueError,
        "out and weights overlap",
        lambda: CONNECT.backward_input(MEMORY[:49].reshape(7, 7), DY, out=MEMORY[:21].reshape(3, 7)),
    ),
    "out over bias": (ValueError, "out and bias overlap", lambda: CONNECT.forward(X, W, DY[0], out=DY)),
    "square in place": (ValueError, "out and dy overlap", lambda: CONNECT.backward_input(floats(7, 7), DY, out=DY)),
    "mask": (
        ValueError,
        r"mask has the shape \(4,\), not \(2,\)",
        lambda: CONNECT.forward(X, W, mask=np.zeros(4, np.uint64)),
    ),
    "masks": (
        ValueError,
        r"mask has the shape \(2,\), not \(4,\)",
        lambda: SAMPLES.forward(X, W, mask=np.zeros(2, np.uint64)),
    ),
    "sum": (ValueError, "out, which is None", lambda: CONNECT.backward_weights(X, DY, accumulate=True)),
    "shared": (ValueError, "DropConnect has no shared axes", lambda: DropConnect(Dropout(KEY, 0.5, shared=0))),
    "first sample": (
        ValueError,
        "first_sample is 3, and per_sample is False",
        lambda: DropConnect(DROPOUT, first_sample=3),
    ),
    "samples": (
        ValueError,
        "first_sample is 18446744073709551614, and 3 samples pass 2..64",
        lambda: DropConnect(DROPOUT, per_sample=True, first_sample=2**64 - 2).forward(X, W),
    ),
    "index": (ValueError, "passes 2..64", lambda: DropConnect(Dropout(KEY, 0.5, offset=2**64 - 76)).forward(X, W)),
    "dtype": (TypeError, "weights is of dtype float64", lambda: CONNECT.forward(X, W.astype(float))),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_names_and_numbers(name):
    error, text, call = REFUSED[name]
    before = [array.copy() for array in (X, W, B, DY, MEMORY)]
    with pytest.raises(error, match=text):
        call()
    for array, copy in zip((X, W, B, DY, MEMORY), before):
        same(array, copy)
