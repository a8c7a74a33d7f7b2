import numpy as np
import pytest
from reference import floats, same, stream

from dropmask import Cutout, Key

KEY = Key(42).derive(1)


def holes(boxes, box_height, box_width, sample, height, width):
    """The slices of a sample."""
    key, found = stream.derive(KEY.raw, sample), []
    for k in range(boxes):
        top = stream.below(key, 2 * k, height) - box_height // 2
        left = stream.below(key, 2 * k + 1, width) - box_width // 2
        found.append([max(top, 0), min(top + box_height, height), max(left, 0), min(left + box_width, width)])
    return np.array(found).reshape(boxes, 4)


@pytest.mark.parametrize("boxes", [0, 1, 3])
@pytest.mark.parametrize("size", [(4, 4), (3, 7), (1, 2), (20, 1), (0, 5)], ids=str)
@pytest.mark.parametrize("first", [0, 7, 2**64 - 3])
def test_boxes_are_cut_out(boxes, size, first):
    cutout, x = Cutout(KEY, boxes, *size), floats(3, 2, 9, 11)
    x[0, 0, 4] = np.nan
    y = x.copy()
    for n in range(3):
        found = holes(boxes, *size, first + n, 9, 11)
        np.testing.assert_array_equal(cutout.boxes(first + n, 9, 11), found)
        for top, bottom, left, right in found:
            y[n, :, top:bottom, left:right] = 0
    same(cutout.forward(x, first_sample=first), y)
    out = x.copy()
    assert cutout.forward(out, first_sample=first, out=out) is out
    same(out, y)


def test_accumulates():
    cutout, dy, dx = Cutout(KEY, 2, 4, 4), floats(3, 2, 9, 11), floats(3, 2, 9, 11)
    expected = dx + cutout.forward(dy)
    cutout.forward(dy, out=dx, accumulate=True)
    same(dx, expected)


def test_samples_of_a_batch():
    cutout, x = Cutout(KEY, 2, 4, 4), floats(5, 2, 40, 40)
    same(cutout.forward(x[2:].copy(), first_sample=2), cutout.forward(x)[2:])
    assert cutout.forward(x[:0]).shape == (0, 2, 40, 40)


X, Y, CUTOUT = floats(3, 2, 9, 11), floats(3, 2, 9, 11), Cutout(KEY, 2, 4, 4)
REFUSED = {
    "axes": (
        ValueError,
        r"x has the shape \(2, 9, 11\), not \(samples, channels, height, width\)",
        lambda: CUTOUT.forward(X[0]),
    ),
    "gaps": (ValueError, "x has gaps", lambda: CUTOUT.forward(X[..., ::2])),
    "dtype": (TypeError, "x is of dtype float64", lambda: CUTOUT.forward(X.astype(float))),
    "out": (
        ValueError,
        r"out has the shape \(2, 2, 9, 11\), not \(3, 2, 9, 11\)",
        lambda: CUTOUT.forward(X, out=Y[:2]),
    ),
    "shifted": (ValueError, "out and x overlap", lambda: CUTOUT.forward(X[:2], out=X[1:])),
    "sum over x": (ValueError, "out and x overlap", lambda: CUTOUT.forward(X, out=X, accumulate=True)),
    "sum": (ValueError, "out, which is None", lambda: CUTOUT.forward(X, accumulate=True)),
    "samples": (
        ValueError,
        "first_sample is 18446744073709551614, and 3 samples",
        lambda: CUTOUT.forward(X, first_sample=2**64 - 2),
    ),
    "boxes": (ValueError, "boxes is 4294967296, not below", lambda: Cutout(KEY, 2**32, 4, 4)),
    "height": (ValueError, "box_height is -1", lambda: Cutout(KEY, 1, -1, 4)),
    "key": (TypeError, "'int' object is not an instance of 'Key'", lambda: Cutout(1, 1, 4, 4)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_names_and_numbers(name):
    error, text, call = REFUSED[name]
    before = X.copy(), Y.copy()
    with pytest.raises(error, match=text):
        call()
    same(X, before[0])
    same(Y, before[1])
