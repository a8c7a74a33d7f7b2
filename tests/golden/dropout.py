"""The arithmetic of dropout on lists of f32, each an exact f64; and how golden vectors write numbers."""

import struct
from decimal import getcontext

import stream
from stream import END, ONE

getcontext().prec = 40


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def product(x, factor):
    return f32(x * factor)  # exact in f64, so rounded once


def total(x, y):
    return f32(x + y)  # an f64 is wide enough that the second rounding is harmless


def plus(r, x):
    return [total(r, x) for r, x in zip(r, x, strict=True)]


def values(n, count):
    """Multiples of 2^-13 in [-4, 4)."""
    return [stream.below(n, i, 1 << 16) / 8192 - 4 for i in range(count)]


def floats(x):
    return "".join(f"{struct.unpack('<I', struct.pack('<f', x))[0]:08x}" for x in x)


def doubles(x):
    return "".join(f"{struct.unpack('<Q', struct.pack('<d', float(x)))[0]:016x}" for x in x)


def words(bits):
    return "".join(f"{word:016x}" for word in stream.words(bits))


class Dropout:
    def __init__(self, key, p, offset=0):
        self.key, self.p, self.t, self.offset = key, p, stream.threshold(f32(p)), offset
        self.scale = stream.scale(self.t)

    def json(self):
        return {"key": f"{self.key:016x}", "p": floats([self.p]), "offset": self.offset}

    def kept(self, shape, strides=(1,), key=None, first=0):
        """The bits of a tensor's elements, in row-major order."""
        last = self.offset + first + sum((n - 1) * stride for n, stride in zip(shape, strides))
        assert 0 in shape or last < END
        index = stream.indices(self.offset + first, shape, strides)
        return stream.kept(self.key if key is None else key, self.t, index).ravel().tolist()

    def drop(self, x, bits, factor=None):
        """`kept ? x * scale : +0.0`; a copy where nothing can be dropped."""
        factor = self.scale if factor is None else factor
        keep = lambda x: x if self.t == ONE else product(x, factor)
        return [keep(x) if bit else 0.0 for x, bit in zip(x, bits, strict=True)]

    def evaluate(self, x):
        """Standard scaling: `x * (1 - p)`, and `+0.0` where everything is dropped."""
        keep = f32(self.t / ONE)
        return [product(x, keep) if self.t else 0.0 for x in x]
