"""dropmask from Python, by ctypes on NumPy arrays: python3 numpy_check.py path/to/libdropmask.so

Every result is compared with numpy.packbits and plain NumPy arithmetic.
"""

import ctypes
import sys

import numpy as np

f32, u64, size, status = ctypes.c_float, ctypes.c_uint64, ctypes.c_size_t, ctypes.c_uint32


def array(dtype):
    """A contiguous array of this type; a function would not be told of strides."""
    return np.ctypeslib.ndpointer(dtype, flags="C_CONTIGUOUS")


floats, words, pointer = array(np.float32), array(np.uint64), ctypes.c_void_p
library = ctypes.CDLL(sys.argv[1])
for name, result, arguments in [
    ("key_new", u64, [u64]),
    ("key_derive", u64, [u64, u64]),
    ("mask_words", size, [size]),
    ("scale", status, [f32, ctypes.POINTER(f32)]),
    ("fill", status, [u64, f32, u64, words, size]),
    ("forward_f32", status, [u64, f32, u64, floats, floats, pointer, size]),
    ("backward_f32", status, [u64, f32, u64, floats, floats, size]),
    ("apply_f32", status, [words, f32, floats, floats, size]),
    ("status_message", ctypes.c_char_p, [status]),
]:
    function = getattr(library, "dropmask_" + name)
    function.restype, function.argtypes = result, arguments
    globals()[name] = function


def ok(code):
    assert code == 0, status_message(code).decode()


def check(p, offset, n):
    key = key_derive(key_new(42), 7)
    factor = f32()
    ok(scale(p, factor))

    mask = np.full(mask_words(n), 2**64 - 1, np.uint64)
    ok(fill(key, p, offset, mask, n))
    octets = mask.astype("<u8").view(np.uint8)
    kept = np.unpackbits(octets, bitorder="little")[:n].astype(bool)
    packed = np.packbits(kept, bitorder="little")
    assert (octets[: len(packed)] == packed).all() and not octets[len(packed) :].any()
    assert abs(kept.sum() - n * (1 - p)) <= 6 * (n * p * (1 - p)) ** 0.5

    x = np.random.default_rng(1).standard_normal(n, np.float32)
    x[::7] = np.nan
    expected = np.where(kept, x * np.float32(factor.value), np.float32(0))

    y, stored = np.ones_like(x), np.full_like(mask, 2**64 - 1)
    ok(forward_f32(key, p, offset, x, y, stored.ctypes.data, n))
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(stored, mask)

    in_place = x.copy()
    ok(forward_f32(key, p, offset, in_place, in_place, None, n))
    np.testing.assert_array_equal(in_place, expected)

    for run in (
        lambda dx: backward_f32(key, p, offset, x, dx, n),
        lambda dx: apply_f32(mask, factor, x, dx, n),
    ):
        dx = np.ones_like(x)
        ok(run(dx))
        np.testing.assert_array_equal(dx, expected)


def check_faults():
    """A status for each fault, and nothing written."""
    x, y, mask = np.ones(100, np.float32), np.full(101, 3, np.float32), np.full(2, 3, np.uint64)
    odd = y.view(np.uint8)[1:-3].view(np.float32)
    message = lambda code: (code, status_message(code).decode())
    for expected, code in [
        (1, forward_f32(1, float("nan"), 0, x, y, None, 100)),
        (1, forward_f32(1, -0.1, 0, x, y, None, 100)),
        (1, fill(1, 1.5, 0, mask, 100)),
        (2, forward_f32(1, 0.5, 0, x, y, None, 2**62)),
        (4, forward_f32(1, 0.5, 0, x, odd, None, 100)),
        (5, forward_f32(1, 0.5, 0, y[:100], y[1:], None, 100)),
        (6, backward_f32(1, 0.5, 2**64 - 99, x, y, 100)),
    ]:
        assert code == expected, message(code)
    assert (y == 3).all() and (mask == 3).all()


for p in [0.0, 0.1, 0.5, 0.9, 1.0]:
    for offset in [0, 1, 1000, 2**64 - 5000]:
        for n in [0, 1, 63, 64, 65, 1024, 5000]:
            check(p, offset, n)
check_faults()
print("as NumPy computes it")
