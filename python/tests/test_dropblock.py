import numpy as np
import pytest
from reference import dropped, floats, packed, same, stream

from dropmask import DropBlock, Dropout, Key

KEY = Key(42).derive(1)
SHAPE = (2, 3, 7, 9)
CASES = {
    "maps": (Dropout(KEY, 0.3, offset=100), 3, 1.0),
    "shared": (Dropout(KEY, 0.3, shared=1), 2, 1.0),
    "elements": (Dropout(KEY, 0.5), 1, 1.0),
    "scaled": (Dropout(KEY, 0.1), 4, 2.5),
    "whole": (Dropout(KEY, 0.5), 7, 1.0),
}
EACH = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def kept_of(dropout, block, gamma_scale, shape):
    """The mask, with an axis of 1 where channels share it, and the threshold of a seed."""
    samples, channels, height, width = shape
    channels = 1 if dropout.shared else channels
    maps = samples * channels, height, width
    threshold, kept = stream.drop_block(dropout.key.raw, dropout.threshold, dropout.offset, maps, block, gamma_scale)
    seeds = maps[0] * (height - block + 1) * (width - block + 1)
    return kept.reshape(samples, channels, height, width), threshold, seeds


@EACH
def test_passes(case):
    dropout, block, gamma_scale = case
    blocks, x, dy = DropBlock(dropout, block, gamma_scale=gamma_scale), floats(*SHAPE), floats(*SHAPE)
    kept, threshold, seeds = kept_of(*case, SHAPE)
    count, scale = int(kept.sum()), kept.size / kept.sum()
    assert 0 < count < kept.size and blocks.gamma(SHAPE) == (threshold, seeds)
    words, filled = blocks.fill(SHAPE)
    np.testing.assert_array_equal(words, packed(kept))
    assert filled == count
    mask = np.zeros_like(words)
    for words in (None, mask):
        y, number = blocks.forward(x, mask=words)
        same(y, dropped(kept, x, scale))
        assert number == count
        same(blocks.backward(dy, count, mask=words), dropped(kept, dy, scale))
    np.testing.assert_array_equal(mask, packed(kept))


@EACH
def test_in_place_and_accumulated(case):
    dropout, block, gamma_scale = case
    blocks, x, dy = DropBlock(dropout, block, gamma_scale=gamma_scale), floats(*SHAPE), floats(*SHAPE)
    out = x.copy()
    y, count = blocks.forward(out, out=out)
    assert y is out
    same(out, blocks.forward(x)[0])
    dx, total, out = blocks.backward(dy, count), x.copy(), dy.copy()
    assert blocks.backward(out, count, out=out) is out
    same(out, dx)
    blocks.backward(dy, count, out=total, accumulate=True)
    same(total, x + dx)


def test_a_mask_is_read():
    kept, dy = np.random.default_rng(2).random(SHAPE) < 0.7, floats(*SHAPE)
    dx = DropBlock(Dropout(KEY, 0.1), 3).backward(dy, kept.sum(), mask=packed(kept))
    same(dx, dropped(kept, dy, kept.size / kept.sum()))


def test_shards_share_a_factor():
    """Whole samples: their bits start where the seeds before them end, and the factor is of all."""
    dropout, x = Dropout(KEY, 0.3), floats(5, 3, 7, 9)
    y, kept = DropBlock(dropout, 3).forward(x)
    _, before = DropBlock(dropout, 3).gamma((2, 3, 7, 9))
    shards = [DropBlock(dropout, 3), DropBlock(Dropout(KEY, 0.3, offset=before), 3)]
    parts = [x[:2], x[2:]]
    assert sum(shard.fill(part.shape)[1] for shard, part in zip(shards, parts)) == kept
    for shard, part, of_all in zip(shards, parts, [y[:2], y[2:]]):
        same(shard.backward(part, kept, total=x.size), of_all)


def test_nothing_is_kept():
    x = floats(1, 2, 4, 4)
    blocks = DropBlock(Dropout(KEY, 1.0), 2, gamma_scale=4)
    y, kept = blocks.forward(x)
    assert kept == 0
    same(y, np.zeros_like(x))
    same(blocks.backward(x, 0), np.zeros_like(x))


def test_no_elements():
    y, kept = DropBlock(Dropout(KEY, 0.3), 2).forward(np.empty((0, 3, 4, 4), np.float32))
    assert y.shape == (0, 3, 4, 4) and kept == 0
    words, kept = DropBlock(Dropout(KEY, 0.3, shared=1), 2).fill((2, 0, 4, 4))
    assert words.shape == (0,) and kept == 0


X, Y, WORDS = floats(*SHAPE), floats(*SHAPE), np.zeros(6, np.uint64)
BLOCKS = DropBlock(Dropout(KEY, 0.3), 3)
REFUSED = {
    "axes": (
        ValueError,
        r"x has the shape \(3, 7, 9\), not \(samples, channels, height, width\)",
        lambda: BLOCKS.forward(X[0]),
    ),
    "axes of a shape": (ValueError, r"the array has the shape \(7,\)", lambda: BLOCKS.gamma(7)),
    "block": (
        ValueError,
        "a block of 8 by 8 does not fit into maps of 7 by 9",
        lambda: DropBlock(Dropout(KEY, 0.3), 8).forward(X),
    ),
    "no block": (ValueError, "block is 0 and gamma_scale 1.0", lambda: DropBlock(Dropout(KEY, 0.3), 0)),
    "factor": (ValueError, "gamma_scale -1.0", lambda: DropBlock(Dropout(KEY, 0.3), 2, gamma_scale=-1)),
    "factor NaN": (ValueError, "gamma_scale NaN", lambda: DropBlock(Dropout(KEY, 0.3), 2, gamma_scale=np.nan)),
    "scaling": (
        ValueError,
        'DropBlock has no scaling "naive"',
        lambda: DropBlock(Dropout(KEY, 0.3, scaling="naive"), 2),
    ),
    "part": (ValueError, "DropBlock has no part", lambda: DropBlock(Dropout(KEY, 0.3).part(SHAPE, (0, 0, 0, 0)), 2)),
    "shared": (
        ValueError,
        "no axis but 1 shares bits",
        lambda: DropBlock(Dropout(KEY, 0.3, shared=(1, 2)), 2).forward(X),
    ),
    "gaps": (ValueError, "x has gaps", lambda: BLOCKS.forward(X[..., ::2])),
    "out": (ValueError, r"out has the shape \(1, 3, 7, 9\)", lambda: BLOCKS.forward(X, out=Y[:1])),
    "mask": (ValueError, r"mask has the shape \(5,\), not \(6,\)", lambda: BLOCKS.forward(X, mask=WORDS[:5])),
    "mask of y": (
        ValueError,
        "out and mask overlap",
        lambda: BLOCKS.forward(X, out=Y, mask=Y.reshape(-1)[:12].view(np.uint64)),
    ),
    "mask of x": (ValueError, "x and mask overlap", lambda: BLOCKS.forward(X, mask=X.reshape(-1)[:12].view(np.uint64))),
    "kept": (ValueError, "kept is -1", lambda: BLOCKS.backward(X, -1)),
    "sum of nothing": (ValueError, "out, which is None", lambda: BLOCKS.backward(X, 9, accumulate=True)),
    "sum over dy": (ValueError, "out and dy overlap", lambda: BLOCKS.backward(X, 9, out=X, accumulate=True)),
    "index": (ValueError, "passes 2..64", lambda: DropBlock(Dropout(KEY, 0.3, offset=2**64 - 209), 3).forward(X)),
    "fill": (ValueError, r"out has the shape \(5,\), not \(6,\)", lambda: BLOCKS.fill(SHAPE, out=WORDS[:5])),
    "large": (ValueError, "too many elements", lambda: BLOCKS.gamma((2**30, 2**30, 2**30, 7))),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_names_and_numbers(name):
    error, text, call = REFUSED[name]
    before = X.copy(), Y.copy()
    with pytest.raises(error, match=text):
        call()
    same(X, before[0])
    same(Y, before[1])
    assert not WORDS.any()


def test_the_last_index_may_be_the_last_there_is():
    DropBlock(Dropout(KEY, 0.3, offset=2**64 - 210), 3).forward(X)
