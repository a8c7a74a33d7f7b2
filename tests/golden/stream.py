"""Mask stream, version 1, and the arithmetic of dropout: one element at a time, apart from all code of the crate."""

import itertools
import math
import struct
from functools import lru_cache

ONE = 1 << 32  # the threshold that keeps everything
END = 1 << 64  # of the element indices
GOLDEN = 0x9E3779B97F4A7C15


def u64(n):
    return n % END


def mix(z):
    z = u64((z ^ z >> 30) * 0xBF58476D1CE4E5B9)
    z = u64((z ^ z >> 27) * 0x94D049BB133111EB)
    return z ^ z >> 31


def new_key(seed):
    return mix(u64(seed + GOLDEN))


def derive(key, *steps):
    for step in steps:
        key = mix(mix(u64(key + 0x8CB92BA72F3D8DD7)) ^ mix(u64(step + GOLDEN)))
    return key


def below(key, i, n):
    return mix(u64(key + (i + 1) * GOLDEN)) * n >> 64


def xoshiro(key, first):
    """xoshiro256++ from words first..first + 4 of SplitMix64."""
    s = [mix(u64(key + (first + j + 1) * GOLDEN)) for j in range(4)]
    rotate = lambda z, k: u64(z << k) | z >> 64 - k
    while True:
        yield u64(rotate(u64(s[0] + s[3]), 23) + s[0])
        t = u64(s[1] << 17)
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)


@lru_cache(None)
def draws(key, lane, count):
    """The first words of a lane, counted from lane 0 of block 0."""
    return list(itertools.islice(xoshiro(key, 4 * lane), count))


def is_kept(key, t, e):
    if t in (0, ONE):
        return t == ONE
    hi, lo = t >> 22, t % (1 << 22)
    digits = 10 if lo else f"{hi:010b}".rindex("1") + 1
    block, group, lane, bit = e // 1024, e // 512 % 2, e // 64 % 8, e % 64
    words = draws(key, 8 * block + lane, 2 * digits)[group * digits:][:digits]
    number = int("".join(str(word >> bit & 1) for word in words), 2)
    top = hi >> 10 - digits
    return number < top or number == top and mix(u64((key ^ 0xD1B54A32D192ED03) + e * GOLDEN)) >> 42 < lo


# Numbers

def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def product(x, factor):
    return f32(x * factor)  # exact in f64, so rounded once


def total(x, y):
    return f32(x + y)  # an f64 is wide enough that the second rounding is harmless


def threshold(p):
    return math.floor((1 - f32(p)) * 4294967296.0 + 0.5)


def scale(t):
    return f32(4294967296.0 / t) if t else 0.0


def values(n, count):
    """Multiples of 2^-13 in [-4, 4)."""
    return [below(n, i, 1 << 16) / 8192 - 4 for i in range(count)]


def floats(x):
    return "".join(f"{struct.unpack('<I', struct.pack('<f', x))[0]:08x}" for x in x)


def doubles(x):
    return "".join(f"{struct.unpack('<Q', struct.pack('<d', float(x)))[0]:016x}" for x in x)


def words(*rows):
    """The mask of each row, each from a word on, least significant bit first."""
    packed = [sum(bit << i for i, bit in enumerate(row[at:at + 64])) for row in rows for at in range(0, len(row), 64)]
    return "".join(f"{word:016x}" for word in packed)


class Stream:
    def __init__(self, seed, p, offset=0):
        self.key, self.p, self.t, self.offset = new_key(seed), p, threshold(p), offset
        self.scale = scale(self.t)

    def json(self):
        return {"key": f"{self.key:016x}", "p": floats([self.p]), "offset": self.offset}

    def kept(self, i, key=None):
        assert self.offset + i < END
        return is_kept(self.key if key is None else key, self.t, self.offset + i)

    def bits(self, count, key=None):
        return [self.kept(i, key) for i in range(count)]

    def drop(self, x, bits, factor=None):
        """`kept ? x * scale : +0.0`; a copy where nothing can be dropped."""
        factor = self.scale if factor is None else factor
        keep = lambda x: x if self.t == ONE else product(x, factor)
        return [keep(x) if bit else 0.0 for x, bit in zip(x, bits, strict=True)]

    def evaluate(self, x):
        """Standard scaling: `x * (1 - p)`, and `+0.0` where everything is dropped."""
        keep = f32(self.t / 4294967296.0)
        return [product(x, keep) if self.t else 0.0 for x in x]


def plus(r, x):
    return [total(r, x) for r, x in zip(r, x, strict=True)]
