import numpy as np
import pytest
from reference import dropped, floats, packed, same

from dropmask import AlphaDropout, BiasDropout, Dropout, Key, ReluDropout, Select

DROPOUT = Dropout(Key(42).derive(1), 0.3, offset=5)
SHARED = Dropout(Key(42).derive(1), 0.3, shared=-1)
BOTH = pytest.mark.parametrize("dropout", [DROPOUT, SHARED], ids=["each", "shared"])
ZERO = np.float32(0)


@BOTH
def test_relu(dropout):
    x, dy, r = floats(7, 60), floats(7, 60), floats(7, 60)
    x[0, :4] = [0.0, -0.0, np.nan, np.inf]
    kept = np.broadcast_to(dropout.fill_bool(x.shape), x.shape)
    mask, relu = np.empty(7, np.uint64), ReluDropout(dropout)
    same(relu.forward(x, mask), dropped(kept, np.where(x <= 0, ZERO, x), dropout.scale))
    np.testing.assert_array_equal(mask, packed(kept & (x > 0)))
    dx = dropped(kept & (x > 0), dy, dropout.scale)
    same(relu.backward(dy, mask), dx)
    same(relu.backward(dy, mask, residual=r), r + dx)
    rectified = np.where(x <= 0, ZERO, x)
    same(relu.evaluate(x), rectified)
    standard = Dropout(Key(1), 0.25, scaling="standard", shared=dropout.shared)
    out = x.copy()
    same(ReluDropout(standard).evaluate(out, out=out), rectified * np.float32(0.75))
    with pytest.raises(ValueError, match=r"mask has the shape \(6,\), not \(7,\)"):
        relu.forward(x, mask[1:])


@BOTH
@pytest.mark.parametrize("shape", [(70,), (7, 60), (2, 3, 4, 5), (3, 1)], ids=str)
def test_bias(dropout, shape):
    x, b, r, dy = floats(*shape), floats(shape[-1]), floats(*shape), floats(*shape)
    kept, bias = dropout.fill_bool(shape), BiasDropout(dropout)
    y = dropped(kept, x + b, dropout.scale)
    same(bias.forward(x, b), y)
    same(bias.forward(x, b, residual=r), r + y)
    same(bias.evaluate(x, b), x + b)
    dx, db = bias.backward(dy)
    g = dropped(kept, dy, dropout.scale)
    same(dx, g)
    expected = np.zeros_like(b)
    for row in g.reshape(-1, shape[-1]):
        expected += row
    same(db, expected)
    mine = np.empty_like(b)
    assert bias.backward(dy, residual=r, dbias=mine)[1] is mine
    same(mine, expected)
    with pytest.raises(ValueError, match="bias has the shape"):
        bias.forward(x, np.zeros(shape[-1] + 1, np.float32))
    with pytest.raises(ValueError, match="x has the shape .., and no last axis"):
        bias.forward(np.array(1, np.float32), b)


@BOTH
def test_alpha(dropout):
    x, dy = floats(7, 60), floats(7, 60)
    kept, q, alpha = dropout.fill_bool(x.shape), dropout.threshold / 2**32, -1.7580993408473766
    a = (q + alpha**2 * q * (1 - q)) ** -0.5
    b, d = -a * alpha * (1 - q), alpha * a * q
    same(AlphaDropout(dropout).forward(x), np.where(kept, x * np.float32(a) + np.float32(b), np.float32(d)))
    same(AlphaDropout(dropout).backward(dy), dropped(kept, dy, a))
    same(AlphaDropout(dropout).evaluate(x), x)
    with pytest.raises(ValueError, match='AlphaDropout has no scaling "naive"'):
        AlphaDropout(Dropout(Key(1), 0.5, scaling="naive"))


@BOTH
def test_select(dropout):
    a, b, dy = floats(7, 60), floats(7, 60), floats(7, 60)
    kept, select = dropout.fill_bool(a.shape), Select(dropout)
    mask = dropout.fill(a.shape)
    for words in (None, mask):
        same(select.forward(a, b, mask=words), np.where(kept, a, b))
        da, db = select.backward(dy, mask=words)
        same(da, np.where(kept, dy, ZERO))
        same(db, np.where(kept, ZERO, dy))
    state = b.copy()  # zoneout: the new state over the old one
    select.forward(a, state, out=state)
    same(state, np.where(kept, a, b))
    mean = a * np.float32(dropout.keep) + b * np.float32((2**32 - dropout.threshold) / 2**32)
    same(select.evaluate(a, b), mean)
    over_a, over_b = a.copy(), b.copy()
    same(select.evaluate(over_a, b, out=over_a), mean)
    same(
        select.evaluate(a, over_b, out=over_b),
        b * np.float32((2**32 - dropout.threshold) / 2**32) + a * np.float32(dropout.keep),
    )
    for p, one in [(0, a), (1, b)]:
        same(Select(Dropout(Key(1), p, shared=dropout.shared)).evaluate(a, b), one)
    with pytest.raises(ValueError, match="out is a and b"):
        select.evaluate(state, state, out=state)
    with pytest.raises(ValueError, match=r"b has the shape \(7, 59\), a has \(7, 60\)"):
        select.forward(a, b[:, 1:])
