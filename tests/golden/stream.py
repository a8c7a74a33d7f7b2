"""The mask stream, version 1, as `docs/stream.md` has it; shares no code with the crate. Needs NumPy."""

import math

import numpy as np

ONE, END = 1 << 32, 1 << 64  # the threshold that keeps everything; behind the last index
GOLDEN, TIE = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03


def mix(z):  # of an integer or an array of uint64
    z = z & END - 1
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & END - 1
    z = (z ^ z >> 27) * 0x94D049BB133111EB & END - 1
    return z ^ z >> 31


def new(seed):
    return mix(seed + GOLDEN)


def derive(key, *steps):
    for step in steps:
        key = mix(mix(key + 0x8CB92BA72F3D8DD7) ^ mix(step + GOLDEN))
    return key


def below(key, i, n):
    return mix(key + (i + 1) * GOLDEN) * n >> 64


def threshold(p):
    return math.floor((1 - p) * 2.0**32 + 0.5)


def scale(t):
    return float(np.float32(2.0**32 / t)) if t else 0.0


def xoshiro(key, lane):
    s = [mix(key + (4 * lane + j + 1) * GOLDEN) for j in range(4)]
    rotate = lambda z, k: (z << k | z >> 64 - k) & END - 1
    while True:
        yield rotate(s[0] + s[3] & END - 1, 23) + s[0] & END - 1
        t = s[1] << 17 & END - 1
        s[2], s[3] = s[2] ^ s[0], s[3] ^ s[1]
        s[1], s[0] = s[1] ^ s[2], s[0] ^ s[3]
        s[2], s[3] = s[2] ^ t, rotate(s[3], 45)


def indices(offset, shape, strides):
    e = np.full(shape, offset, np.uint64)
    for stride, axis in zip(strides, np.ix_(*map(range, shape))):
        e += axis.astype(np.uint64) * np.uint64(stride)
    return e


def kept(key, t, index):
    e = np.ravel(index)  # not a scalar, which NumPy 1 would make a float of
    if t in (0, ONE):
        return np.full(index.shape, t == ONE)
    hi, lo = t >> 22, t % (1 << 22)
    s = 10 if lo else f"{hi:010b}".rindex("1") + 1
    draws, u = xoshiro(key, e // 1024 * 8 + e // 64 % 8), 0
    r = [next(draws) >> e % 64 & 1 for _ in range(2 * s)]
    for first, second in zip(r[:s], r[s:]):
        u = 2 * u + np.where(e // 512 % 2 == 0, first, second)
    tie = mix((key ^ TIE) + e * GOLDEN) >> 42 < lo
    return ((u < hi >> 10 - s) | (u == hi >> 10 - s) & tie).reshape(index.shape)


def words(bits):
    octets = np.packbits(bits, bitorder="little")
    return np.pad(octets, (0, -octets.size % 8)).view("<u8").tolist()


def from_generator(rng, t, count):
    result = []
    for _ in range(0, count, 64):
        less, equal = (END - 1 if t == ONE else 0), END - 1
        for i in range(31, -1, -1):
            if equal and t % (1 << i + 1) and t != ONE:
                r = next(rng)
                less, equal = (less | equal & ~r, equal & r) if t >> i & 1 else (less, equal & ~r)
        result += [less >> i & 1 for i in range(64)]
    return result[:count]


def boxes(key, sample, count, size, shape):
    sides = []
    for i in range(2 * count):
        start = below(derive(key, sample), i, shape[i % 2]) - size[i % 2] // 2
        sides.append([max(start, 0), min(start + size[i % 2], shape[i % 2])])
    return [sides[2 * k:][:2] for k in range(count)]


def drop_block(key, t, offset, shape, block, factor=1.0):
    maps, height, width = shape
    rows, columns = height - block + 1, width - block + 1
    gamma = factor * ((1 - t / ONE) * (height * width) / (block * block * (rows * columns)))
    seeds_t = threshold(min(gamma, 1.0))
    seeds = kept(key, seeds_t, indices(offset, (maps, rows, columns), (rows * columns, columns, 1)))
    mask = np.ones(shape, bool)
    for i, j in np.ndindex(block, block):
        mask[:, i:i + rows, j:j + columns] &= seeds
    return seeds_t, mask
