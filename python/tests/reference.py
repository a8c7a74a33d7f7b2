"""What tests compare with: plain NumPy, and the mask stream as `tests/golden` draws it."""

import math
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests/golden"))
import stream  # noqa: E402


def kept(dropout, shape, *, whole=None, start=None):
    """The noise array of a shape, with an axis of 1 where elements share a bit."""
    shares = [axis in {s % len(shape) for s in dropout.shared} for axis in range(len(shape))]
    noise = [1 if s else n for s, n in zip(shares, shape)]
    whole = [1 if s else n for s, n in zip(shares, whole or shape)]
    strides = [0 if s else math.prod(whole[axis + 1 :]) for axis, s in enumerate(shares)]
    first = sum(at * stride for at, stride in zip(start or [], strides))
    index = stream.indices(dropout.offset + first, noise, strides)
    return stream.kept(dropout.key.raw, dropout.threshold, index)


def packed(kept):
    """The words of a mask."""
    octets = np.packbits(kept, axis=None, bitorder="little")
    words = np.zeros(-(-kept.size // 64) * 8, np.uint8)
    words[: octets.size] = octets
    return words.view("<u8").astype(np.uint64)


def dropped(kept, x, scale):
    return np.where(kept, x * np.float32(scale), np.float32(0))


def same(a, b):
    """Equal to the bit, the type and the shape included."""
    assert a.dtype == b.dtype and a.shape == b.shape
    np.testing.assert_array_equal(a.view(np.uint32), b.view(np.uint32))


random = np.random.default_rng(1)


def floats(*shape):
    return random.standard_normal(shape, dtype=np.float32)


def softmax(scores):
    """Over the last axis, in double; of nothing but -inf it is 0."""
    largest = scores.max(-1, keepdims=True, initial=-np.inf)
    with np.errstate(invalid="ignore"):
        e = np.where(scores == -np.inf, 0.0, np.exp(scores.astype(float) - np.where(np.isfinite(largest), largest, 0)))
    total = e.sum(-1, keepdims=True)
    return np.divide(e, total, out=np.zeros_like(e), where=total > 0)


def close(a, b, tolerance=1e-6):
    """Of the same shape, equal but for the rounding of a sum, and 0 in the same places."""
    assert a.dtype == np.float32 and a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
