"""dropmask from Python, by cffi on NumPy arrays: python3 numpy_check.py [path/to/dropmask]

include/dropmask.cdef.h declares all of it. Results are compared with plain NumPy and numpy.packbits.
"""

import math
import sys
from itertools import product
from pathlib import Path

import cffi
import numpy as np

DROPMASK = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2]
ffi = cffi.FFI()
ffi.cdef((DROPMASK / "include/dropmask.cdef.h").read_text())
lib = ffi.dlopen(str(DROPMASK / "target/release/libdropmask.so"))
NONE, KEY, ZERO = (ffi.NULL, ffi.NULL), lib.dropmask_key_derive(lib.dropmask_key_new(42), 7), np.float32(0)
random, equal = np.random.default_rng(1), np.testing.assert_array_equal


def ok(status):
    assert status == lib.DROPMASK_OK, ffi.string(lib.dropmask_status_message(status)).decode()


def at(array):
    name = array.dtype.name
    return ffi.cast({"float32": "float *", "float64": "double *"}.get(name, name + "_t *"), array.ctypes.data)


def operand(array):
    """Pointer and strides of a view: NumPy counts them in bytes, dropmask in elements."""
    return at(array), ffi.new("size_t[]", [stride // array.itemsize for stride in array.strides])


def described(call, p, offset, scaling=lib.DROPMASK_INVERTED):
    call, threshold = ffi.new("struct dropmask_call *", call), ffi.new("uint64_t *")
    ok(lib.dropmask_threshold(p, threshold))
    call.key, call.threshold, call.offset, call.scaling = KEY, threshold[0], offset, scaling
    return call


def words(bits):
    return np.full(lib.dropmask_mask_words(bits), 2**64 - 1, np.uint64)


def unpacked(mask, bits):
    octets = mask.astype("<u8").view(np.uint8)  # on a little-endian machine, the bytes of the mask
    kept = np.unpackbits(octets, bitorder="little")
    packed = np.packbits(kept[:bits], bitorder="little")
    assert (octets[: len(packed)] == packed).all() and not kept[bits:].any()
    return kept[:bits].astype(bool)


# The shape of an array in memory, and a view of it: dense, a block of columns, with the axes in the opposite order.
VIEWS = [
    (lambda s: s, lambda a: a),
    (lambda s: (*s[:-1], 3 * s[-1]), lambda a: a[..., a.shape[-1] // 3 : a.shape[-1] // 3 * 2]),
    (lambda s: s[::-1], lambda a: a.T),
]


def floats(shape):
    x = random.standard_normal(shape, np.float32)
    x[random.random(shape) < 0.1] = np.nan
    return x


def check(made, shape, shared, p, offset):
    """A call whose bits are shared along some axes, on all pairs of views."""
    call, standard = described(made, p, offset), described(made, p, offset, lib.DROPMASK_STANDARD)
    drawn = [1 if s else n for n, s in zip(shape, shared)]
    count, bits, scale, index = math.prod(drawn), ffi.new("size_t *"), ffi.new("float *"), ffi.new("uint64_t *")
    ok(lib.dropmask_call_mask_bits(call, bits))
    ok(lib.dropmask_scale(p, scale))
    ok(lib.dropmask_call_index(call, [n - 1 for n in shape], index))
    assert (bits[0], index[0]) == (count, count - 1)

    mask, stored, octets = words(count), words(count), np.full(count, 2, np.uint8)
    ok(lib.dropmask_fill(KEY, p, offset, at(mask), count))
    ok(lib.dropmask_dropout_fill_u8(call, at(octets)))
    kept = unpacked(mask, count)
    equal(octets, kept)
    kept = np.broadcast_to(kept.reshape(drawn), shape)

    def dropout(x):
        return np.where(kept, x * np.float32(scale[0]), ZERO)

    keep, positive = np.float32(call.threshold / 2**32), words(math.prod(shape))
    for (size, view), (out_size, out_view) in product(VIEWS, VIEWS):
        x, r, b = view(floats(size(shape))), floats(shape), floats(shape[-1])

        def writes(expected, function):
            """The output has these elements, and what lies between them is as before."""
            memory, whole = np.full(out_size(shape), 7, np.float32), np.full(out_size(shape), 7, np.float32)
            out_view(whole)[...] = expected
            ok(function(*operand(out_view(memory))))
            equal(memory, whole)

        arguments = operand(x)
        writes(dropout(x), lambda *y: lib.dropmask_dropout_forward_f32(call, *arguments, *NONE, *y, at(stored)))
        equal(stored, mask)
        writes(r + dropout(x), lambda *y: lib.dropmask_dropout_apply_f32(call, at(mask), *arguments, *operand(r), *y))
        mean = x * keep if keep else ZERO
        writes(mean, lambda *y: lib.dropmask_dropout_evaluate_f32(standard, *arguments, *NONE, *y))
        writes(r + dropout(x + b), lambda *y: lib.dropmask_bias_forward_f32(call, *arguments, at(b), *operand(r), *y))
        db, sums = np.ones_like(b), np.zeros_like(b)
        writes(dropout(x), lambda *y: lib.dropmask_bias_backward_f32(call, *arguments, *NONE, *y, at(db), 0))
        for row in dropout(x).reshape(-1, len(b)):
            sums += row
        equal(db, sums)
        relu = np.maximum(x, ZERO)
        writes(dropout(relu), lambda *y: lib.dropmask_relu_forward_f32(call, *arguments, *y, at(positive)))
        passes = kept & (x > 0)
        equal(unpacked(positive, passes.size), passes.ravel())
        gradient = np.where(passes, dropout(r), ZERO)
        writes(gradient, lambda *y: lib.dropmask_relu_backward_f32(call, at(positive), *operand(r), *NONE, *y))
        expected = dropout(x)
        ok(lib.dropmask_dropout_forward_f32(call, *arguments, *NONE, *arguments, ffi.NULL))  # in place
        equal(x, expected)


def check_others():
    """Every name is in the library; other types of arguments; a status for each fault, and nothing written."""
    assert len([getattr(lib, name) for name in dir(lib)]) > 40  # one that is not there raises
    x, y, mean, squares = floats((8, 9)), np.full((8, 9), 3, np.float32), np.ones(72), np.ones(72)
    x[np.isnan(x)] = 0
    call, everything = described(lib.dropmask_call_broadcast(3, [1, 8, 9], [0, 0, 0]), 0.0, 0), sys.maxsize
    ok(lib.dropmask_attention_forward_f32(call, everything, 0.5, *NONE, 0, ffi.NULL, at(x), at(y), ffi.NULL))
    softmax = np.exp(x / 2) / np.exp(x / 2).sum(1, keepdims=True)
    np.testing.assert_allclose(y, softmax, rtol=1e-5)
    ok(lib.dropmask_moments_push_f32(0, at(y), at(mean), at(squares), 72))
    equal(mean.astype(np.float32), y.ravel())

    y[...], close = 3, operand(np.lib.stride_tricks.as_strided(y, (8, 9), (4, 4)))
    rows, dense = described(lib.dropmask_call_rows(8, 9), 0.5, 0), operand(x)
    for expected, status in [
        (lib.DROPMASK_INVALID_PROBABILITY, lib.dropmask_forward_f32(KEY, math.nan, 0, at(x), at(y), ffi.NULL, 72)),
        (lib.DROPMASK_OVERLAP, lib.dropmask_forward_f32(KEY, 0.5, 0, at(y), at(y) + 1, ffi.NULL, 71)),
        (lib.DROPMASK_INDEX_OVERFLOW, lib.dropmask_backward_f32(KEY, 0.5, 2**64 - 71, at(x), at(y), 72)),
        (lib.DROPMASK_INVALID_SHAPE, lib.dropmask_dropout_forward_f32(rows, *dense, *NONE, *close, ffi.NULL)),
    ]:
        assert status == expected, ffi.string(lib.dropmask_status_message(status))
    assert (y == 3).all()


for p, offset in product([0.0, float(np.float32(0.1)), 0.5, 1.0], [0, 1000, 2**64 - 5000]):
    check(lib.dropmask_call_rows(37, 70), (37, 70), (0, 0), p, offset)
    check(lib.dropmask_call_channels_first(3, 5, 20), (3, 5, 20), (0, 0, 1), p, offset)
    check(lib.dropmask_call_channels_last(3, 20, 5), (3, 20, 5), (0, 1, 0), p, offset)
    check(lib.dropmask_call_broadcast(4, [2, 3, 4, 5], [0, 1, 0, 1]), (2, 3, 4, 5), (0, 1, 0, 1), p, offset)
check_others()
print("as NumPy computes it")
