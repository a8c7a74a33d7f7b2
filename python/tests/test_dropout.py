import json

import numpy as np
import pytest
from reference import ROOT, dropped, floats, kept, packed, same

from dropmask import Dropout, Key

KEY = Key(42).derive(7)
SHAPES = [(), (1,), (64,), (1500,), (3, 70), (2, 3, 5), (1, 4, 1, 3), (2, 1, 3, 2, 4)]


def test_golden_vectors():
    for case in json.loads((ROOT / "tests/golden/stream.json").read_text())["cases"]:
        key = Key(case["seed"]).derive(*case["derive"])
        dropout = Dropout(key, case["p"], offset=case["offset"])
        assert key.raw == int(case["key"], 16) and dropout.threshold == case["threshold"]
        assert np.float32(dropout.scale).view(np.uint32) == int(case["scale_bits"], 16)
        assert np.float32(dropout.keep).view(np.uint32) == int(case["keep_bits"], 16)
        words = np.array([int(word, 16) for word in case["words"]], np.uint64)
        np.testing.assert_array_equal(dropout.fill(case["len"]), words)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("p", [0, 0.1, 0.5, 1])
def test_passes(shape, p):
    dropout = Dropout(KEY, p, offset=1000)
    mask, x, r = kept(dropout, shape), floats(*shape), floats(*shape)
    y = dropped(mask, x, dropout.scale)
    np.testing.assert_array_equal(dropout.fill_bool(shape), mask)
    np.testing.assert_array_equal(dropout.fill_u8(shape), mask.astype(np.uint8))
    words = np.full(dropout.words(shape), 2**64 - 1, np.uint64)
    same(dropout.forward(x, mask=words), y)
    np.testing.assert_array_equal(words, packed(mask))
    np.testing.assert_array_equal(dropout.fill(shape), packed(mask))
    same(dropout.backward(x), y)
    same(dropout.apply(words, x), y)
    same(dropout.evaluate(x), x)
    same(dropout.forward(x, residual=r), r + y)
    same(dropout.backward(x, residual=r), r + y)
    same(dropout.apply(words, x, residual=r), r + y)
    same(dropout.evaluate(x, residual=r), r + x)


def test_a_mask_is_read_by_numpy():
    dropout, shape = Dropout(KEY, 0.3), (3, 70)
    octets = dropout.fill(shape).astype("<u8").view(np.uint8)
    bits = np.unpackbits(octets, count=210, bitorder="little").astype(bool)
    np.testing.assert_array_equal(bits.reshape(shape), dropout.fill_bool(shape))


def test_scalings():
    x = floats(500)
    for scaling, train, evaluate in [("standard", 1, 0.75), ("naive", 1, 1), ("inverted", 1 / 0.75, 1)]:
        dropout = Dropout(KEY, 0.25, scaling=scaling)
        same(dropout.forward(x), dropped(kept(dropout, x.shape), x, train))
        same(dropout.evaluate(x), x * np.float32(evaluate))


@pytest.mark.parametrize("shared", [0, 1, -1, (0, 2), (2, 1), (1, 2, 3), (0, 1, 2, 3), ()], ids=str)
def test_shared_axes(shared):
    dropout = Dropout(KEY, 0.5, shared=shared, offset=5)
    x = floats(4, 3, 2, 5)
    mask = kept(dropout, x.shape)
    words = np.zeros(dropout.words(x.shape), np.uint64)
    same(dropout.forward(x, mask=words), dropped(mask, x, 2))
    same(dropout.apply(words, x), dropped(mask, x, 2))
    np.testing.assert_array_equal(words, packed(mask))
    np.testing.assert_array_equal(dropout.fill_bool(x.shape), mask)  # broadcasts


@pytest.mark.parametrize("shared", [(), 0, 1, 2, (0, 2)], ids=str)
def test_part_of_a_whole(shared):
    dropout, whole, start = Dropout(KEY, 0.4, shared=shared, offset=9), (5, 6, 7), (1, 2, 3)
    x = floats(*whole)
    part = dropout.part(whole, start)
    view = x[1:4, 2:, 3:6]
    mask = kept(dropout, view.shape, whole=whole, start=start)
    same(part.forward(view), dropped(mask, view, dropout.scale))
    same(part.forward(view), dropout.forward(x)[1:4, 2:, 3:6])
    np.testing.assert_array_equal(part.fill_bool(view.shape), mask)
    np.testing.assert_array_equal(part.fill(view.shape), packed(mask))
    words = np.zeros(part.words(view.shape), np.uint64)
    part.forward(view, mask=words)
    np.testing.assert_array_equal(words, packed(mask))
    assert part.part(whole, start) == part != dropout


def test_evaluation_and_gradients_at_p_1_are_zeros_whatever_x_is():
    x = np.array([np.nan, np.inf, -1, -0.0], np.float32)
    same(Dropout(KEY, 1.0).forward(x), np.zeros(4, np.float32))
    same(Dropout(KEY, 1.0, scaling="standard").evaluate(x), np.zeros(4, np.float32))


def test_gradient_is_the_derivative():
    dropout, x = Dropout(KEY, 0.5), np.zeros(200, np.float32)  # p = 0.5: exact
    for i in range(0, 200, 13):
        step = x.copy()
        step[i] = 1
        dy = floats(200)
        assert (dropout.forward(step) * dy).sum() == dropout.backward(dy)[i]
