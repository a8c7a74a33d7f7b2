"""Arrays as NumPy users make them: views, work in place, and what is refused."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided
from reference import dropped, floats, packed, same

from dropmask import Cutout, DropBlock, Dropout, EmbeddingDropout, Key

DROPOUT = Dropout(Key(42), 0.3, offset=77)
VIEWS = {
    "dense": lambda a: a,
    "columns": lambda a: np.repeat(a, 3, axis=-1)[..., 1::3],
    "rows": lambda a: np.repeat(a, 2, axis=0)[::2],
    "transposed": lambda a: np.asfortranarray(a),
    "swapped": lambda a: np.ascontiguousarray(a.swapaxes(0, 1)).swapaxes(0, 1),
    "field": lambda a: a.astype([("other", "<i4"), ("x", np.float32)])["x"],
}


@pytest.mark.parametrize("of_x", VIEWS)
@pytest.mark.parametrize("of_out", VIEWS)
def test_views_have_the_mask_of_the_dense_array(of_x, of_out):
    dense, r = floats(6, 5, 70), floats(6, 5, 70)
    x, out = VIEWS[of_x](dense), VIEWS[of_out](np.zeros_like(dense))
    y = dropped(DROPOUT.fill_bool(dense.shape), dense, DROPOUT.scale)
    assert DROPOUT.forward(x, out=out) is out
    same(np.ascontiguousarray(out), y)
    same(DROPOUT.forward(x), y)
    same(DROPOUT.forward(dense, residual=VIEWS[of_x](r)), r + y)
    assert DROPOUT.forward(out, out=out) is out  # in place
    same(np.ascontiguousarray(out), dropped(DROPOUT.fill_bool(dense.shape), y, DROPOUT.scale))


def test_new_outputs_are_c_contiguous():
    assert DROPOUT.forward(np.asfortranarray(floats(4, 5))).flags.c_contiguous


def test_nothing_between_the_items_is_touched():
    memory = np.full((8, 30), 7, np.float32)
    DROPOUT.forward(floats(8, 10), out=memory[:, 1::3])
    assert (memory[:, 0::3] == 7).all() and (memory[:, 2::3] == 7).all() and not (memory[:, 1::3] == 7).any()


def test_inputs_may_be_read_only_and_broadcast():
    row = floats(9)
    x = np.broadcast_to(row, (4, 9))
    y = dropped(DROPOUT.fill_bool((4, 9)), x, DROPOUT.scale)
    same(DROPOUT.forward(x), y)
    same(DROPOUT.forward(floats(4, 9) * 0, residual=x), x + np.float32(0))


def test_accumulates_in_place():
    dx, dy = floats(300), floats(300)
    expected = dx + dropped(DROPOUT.fill_bool(300), dy, DROPOUT.scale)
    DROPOUT.backward(dy, out=dx, residual=dx)
    same(dx, expected)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 3, 1)], ids=str)
def test_no_elements(shape):
    x = np.empty(shape, np.float32)
    for y in [DROPOUT.forward(x), DROPOUT.backward(x), DROPOUT.evaluate(x)]:
        assert y.shape == shape and y.dtype == np.float32
    assert DROPOUT.fill(shape).shape == (0,) and DROPOUT.fill_bool(shape).shape == shape


def test_subclasses_and_memory_maps(tmp_path):
    x = np.memmap(tmp_path / "x", np.float32, "w+", shape=(3, 40))
    x[:] = floats(3, 40)
    expected = DROPOUT.forward(np.array(x))
    assert DROPOUT.forward(x, out=x) is x
    same(np.array(x), expected)


def test_up_to_64_axes_are_merged():
    x = floats(2, 3, 2, 3, 2, 3, 2)
    y = dropped(DROPOUT.fill_bool(x.shape), x, DROPOUT.scale)
    same(DROPOUT.forward(x), y)
    with pytest.raises(ValueError, match="7 axes of the shape .2, 3, 2, 3, 2, 3, 2. are left"):
        DROPOUT.forward(x.transpose(6, 5, 4, 3, 2, 1, 0).copy().transpose(6, 5, 4, 3, 2, 1, 0))


X = floats(4, 8)
WORDS = np.zeros(1, np.uint64)
MEMORY = np.zeros(100, np.float32)
READ_ONLY = np.zeros_like(X)
READ_ONLY.flags.writeable = False
PACKED = np.zeros(40, [("octet", "u1"), ("x", np.float32)])["x"]
UNALIGNED = np.zeros(40 * 4 + 1, np.uint8)[1:].view(np.float32)

REFUSED = {
    "float64": (TypeError, "x is of dtype float64, not float32", lambda: DROPOUT.forward(X.astype(float))),
    "big-endian": (TypeError, "x is of dtype >f4, not float32", lambda: DROPOUT.forward(X.astype(">f4"))),
    "list": (TypeError, "x is of type list, not a NumPy array", lambda: DROPOUT.forward([1.0])),
    "scalar": (TypeError, "x is of type float32", lambda: DROPOUT.forward(np.float32(1))),
    "negative": (ValueError, "axis 0 of x is negative: -32 bytes", lambda: DROPOUT.forward(X[::-1])),
    "negative out": (ValueError, "axis 1 of out is negative", lambda: DROPOUT.forward(X, out=X.copy()[:, ::-1])),
    "packed": (ValueError, "axis 0 of x is not a multiple of its items: 5 bytes", lambda: DROPOUT.forward(PACKED)),
    "unaligned": (ValueError, "x is not aligned", lambda: DROPOUT.forward(UNALIGNED)),
    "out shape": (ValueError, r"out has the shape \(8, 4\), x has \(4, 8\)", lambda: DROPOUT.forward(X, out=X.T.copy())),
    "residual shape": (ValueError, r"residual has the shape \(8,\)", lambda: DROPOUT.forward(X, residual=X[0])),
    "read-only": (ValueError, "out is read-only", lambda: DROPOUT.forward(X, out=READ_ONLY)),
    "shifted": (ValueError, "out and x overlap", lambda: DROPOUT.forward(MEMORY[:-1], out=MEMORY[1:])),
    "shifted residual": (
        ValueError,
        "out and residual overlap",
        lambda: DROPOUT.forward(MEMORY[:50].copy(), residual=MEMORY[:50], out=MEMORY[40:90]),
    ),
    "transposed in place": (
        ValueError,
        "out and x overlap",
        lambda: DROPOUT.forward(MEMORY.reshape(10, 10), out=MEMORY.reshape(10, 10).T),
    ),
    "out on itself": (
        ValueError,
        "items of out overlap: an axis of 8 has a stride of 1 items, those within span 4",
        lambda: DROPOUT.forward(X.T, out=as_strided(MEMORY, (8, 4), (4, 4))),
    ),
    "mask type": (TypeError, "mask is of dtype int64, not uint64", lambda: DROPOUT.apply(WORDS.astype(np.int64), X)),
    "mask length": (ValueError, r"mask has the shape \(2,\), not \(1,\)", lambda: DROPOUT.apply(np.zeros(2, np.uint64), X)),
    "mask gaps": (
        ValueError,
        "mask has gaps",
        lambda: DROPOUT.apply(np.zeros(6, np.uint64)[::3], floats(100)),
    ),
    "mask over x": (
        ValueError,
        "x and mask overlap",
        lambda: DROPOUT.forward(MEMORY[:64], mask=MEMORY[2:4].view(np.uint64)),
    ),
    "fill": (ValueError, r"out has the shape \(1,\), not \(2,\)", lambda: DROPOUT.fill(100, out=WORDS)),
    "p": (ValueError, "1.5", lambda: Dropout(Key(1), 1.5)),
    "p NaN": (ValueError, "NaN", lambda: Dropout(Key(1), np.nan)),
    "p text": (TypeError, "must be real number, not str", lambda: Dropout(Key(1), "0.5")),
    "key": (TypeError, "'int' object is not an instance of 'Key'", lambda: Dropout(1, 0.5)),
    "scaling": (ValueError, 'scaling is "invert", not "inverted"', lambda: Dropout(Key(1), 0.5, scaling="invert")),
    "threads": (ValueError, "threads is 0", lambda: Dropout(Key(1), 0.5, threads=0)),
    "negative threads": (ValueError, "threads is -1, not from 0", lambda: Dropout(Key(1), 0.5, threads=-1)),
    "negative shape": (ValueError, "shape is -2, not from 0", lambda: DROPOUT.fill((3, -2))),
    "text for a shape": (TypeError, "shape is a, not a whole number", lambda: DROPOUT.fill("a")),
    "shared by name": (TypeError, "shared is 0.5, not an axis", lambda: Dropout(Key(1), 0.5, shared=(1, 0.5))),
    "seed": (ValueError, "seed is -1, not from 0", lambda: Key(-1)),
    "large seed": (ValueError, "seed is 18446744073709551616", lambda: Key(2**64)),
    "float seed": (TypeError, "seed is 1.0, not a whole number", lambda: Key(1.0)),
    "step": (ValueError, "step is -2", lambda: Key(1).derive(3, -2)),
    "shared": (ValueError, "shared axis 2 of an array of 2 axes", lambda: Dropout(Key(1), 0.5, shared=2).forward(X)),
    "shared too low": (ValueError, "shared axis -3", lambda: Dropout(Key(1), 0.5, shared=-3).forward(X)),
    "shared twice": (ValueError, "named twice", lambda: Dropout(Key(1), 0.5, shared=(1, -1)).forward(X)),
    "index": (
        ValueError,
        "passes 2..64; that of the first is 18446744073709551600",
        lambda: Dropout(Key(1), 0.5, offset=2**64 - 16).forward(X),
    ),
    "no part": (
        ValueError,
        r"\(4, 8\) from \(3, 0\) on is no part of \(6, 8\)",
        lambda: DROPOUT.part((6, 8), (3, 0)).forward(X),
    ),
    "start": (ValueError, r"start \(7, 0\) is no position", lambda: DROPOUT.part((6, 8), (7, 0))),
    "large fill": (ValueError, "too many elements", lambda: DROPOUT.fill((2**40, 2**40))),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_names_and_numbers(name):
    error, text, call = REFUSED[name]
    before = X.copy(), MEMORY.copy(), WORDS.copy()
    with pytest.raises(error, match=text):
        call()
    for array, copy in zip((X, MEMORY, WORDS), before):
        np.testing.assert_array_equal(array, copy)


def test_too_little_memory_is_an_exception():
    with pytest.raises(MemoryError):
        DROPOUT.fill(2**62)


def test_indices_may_end_at_2_64():
    assert Dropout(Key(1), 0.5, offset=2**64 - 32).forward(X).shape == X.shape


def test_the_words_of_a_mask_may_be_a_view():
    words = np.full(10, 5, np.uint64)
    DROPOUT.forward(floats(100), mask=words[3:5])
    np.testing.assert_array_equal(words[3:5], packed(DROPOUT.fill_bool(100)))
    assert (np.delete(words, [3, 4]) == 5).all()


class Changes:
    """A number that changes an array when it is read."""

    def __init__(self, number, change):
        self.number, self.change = number, change

    def __index__(self):
        self.change()
        return self.number


def test_numbers_are_read_before_arrays_are():
    maps = np.ones((8, 8, 64, 64), np.float32)
    shrink = lambda: maps.resize((1, 1, 8, 8), refcheck=False)
    assert DropBlock(Dropout(Key(1), 0.1), 3).backward(maps, Changes(100, shrink)).shape == (1, 1, 8, 8)
    ids = np.zeros(4096, np.uint32)
    halve = lambda: ids.resize((2048,), refcheck=False)
    rows = np.ones((2048, 3), np.float32)
    assert EmbeddingDropout(DROPOUT).forward(ids, rows, Changes(5, halve)).shape == rows.shape
    images = np.ones((2, 1, 8, 8), np.float32)
    lessen = lambda: images.resize((1, 1, 8, 8), refcheck=False)
    assert Cutout(Key(1), 1, 2, 2).forward(images, first_sample=Changes(0, lessen)).shape == (1, 1, 8, 8)
