"""Dropout with the masks of dropmask, to the bit, as a Triton kernel: copy this file.

    y = dropout(x, derive(new_key(42), layer, step), 0.1)

The mask is a pure function of key, drop probability and element index: backward draws it again, nothing is stored.
"""

import ctypes

import torch
import triton
import triton.language as tl

GOLDEN = tl.constexpr(0x9E3779B97F4A7C15)
TIE = tl.constexpr(0xD1B54A32D192ED03)


@triton.jit
def mix(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB
    return z ^ (z >> 31)


@triton.jit
def rotate(z, k: tl.constexpr):
    return (z << k) | (z >> (64 - k))


# A block of 1024 elements has 8 lanes, each a xoshiro256++ of its own. Lane l draws two words of 64 elements: word l of
# the block, then word 8 + l. A program takes LANES / 8 whole blocks, also where it writes a part of them.
# Annotated integers have 64 bits whatever their value; another key or probability is no reason to compile again.
@triton.jit(do_not_specialize=["key", "threshold", "digits"])
def dropout_kernel(x, y, n: tl.uint64, offset: tl.uint64, key: tl.uint64, threshold: tl.uint64, digits, scale,
                   LANES: tl.constexpr):
    # for the interpreter, which ignores annotations
    n, offset, key, threshold = n.to(tl.uint64), offset.to(tl.uint64), key.to(tl.uint64), threshold.to(tl.uint64)
    lane = offset // 1024 * 8 + tl.program_id(0).to(tl.uint64) * LANES + tl.arange(0, LANES).to(tl.uint64)
    # SplitMix64 seeds the generator of a lane with words 4 * lane + 1 to 4 * lane + 4
    z = key + (lane * 4 + 1) * GOLDEN
    s0 = mix(z)
    s1 = mix(z + GOLDEN)
    s2 = mix(z + GOLDEN + GOLDEN)
    s3 = mix(z + GOLDEN + GOLDEN + GOLDEN)
    lo = threshold & 0x3FFFFF
    for group in tl.static_range(2):
        first = lane // 8 * 1024 + group * 512 + lane % 8 * 64
        # An element is kept if its random number is less than the threshold. A random word has one binary digit of the
        # numbers of 64 elements, the first digit first. A threshold of 2^32 has a digit before that, and keeps all.
        kept = tl.zeros_like(lane) - (threshold >> 32)
        equal = ~tl.zeros_like(lane)
        for d in range(digits):
            r = rotate(s0 + s3, 23) + s0
            t = s1 << 17
            s2 ^= s0
            s3 ^= s1
            s1 ^= s2
            s0 ^= s3
            s2 ^= t
            s3 = rotate(s3, 45)
            if (threshold >> (31 - d)) & 1 != 0:
                kept |= equal & ~r
                equal &= r
            else:
                equal &= ~r
        # Ten digits leave one element in 1024 equal. A hash of its index decides, compared with the 22 other digits of
        # the threshold, for the lowest such bit of each word at a time; a power of 2 as a float tells its place.
        equal = tl.where(lo != 0, equal, 0)
        while tl.max(equal, 0) != 0:
            bit = equal & (~equal + 1)
            place = (bit.to(tl.float32).to(tl.uint32, bitcast=True) >> 23) - 127
            hashed = mix((key ^ TIE) + (first + place) * GOLDEN)
            kept |= tl.where((hashed >> 42) < lo, bit, 0)
            equal ^= bit
        i = tl.arange(0, 64).to(tl.uint64)[None, :]
        # an index before the offset wraps around, to a position far past the end
        position = first[:, None] + i - offset
        inside = position < n
        value = tl.load(x + position, mask=inside).to(tl.float32)
        value = tl.where((kept[:, None] >> i) & 1 != 0, value * scale, 0.0)
        tl.store(y + position, value.to(y.dtype.element_ty), mask=inside)


# Keys, which are Python's integers.
def mixed(z):
    z %= 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


def new_key(seed):
    return mixed(seed + GOLDEN.value)


def derive(key, *steps):
    for step in steps:
        key = mixed(mixed(key + 0x8CB92BA72F3D8DD7) ^ mixed(step + GOLDEN.value))
    return key


class Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, key, p, offset):
        ctx.mask = key, p, offset
        if not 0 <= p <= 1:
            raise ValueError(f"a drop probability of {p}")
        if not 0 <= offset <= 2**64 - x.numel():
            raise ValueError(f"no indices for {x.numel()} elements from {offset} on")
        if x.dtype not in (torch.float32, torch.float16, torch.bfloat16):
            raise TypeError(f"elements of {x.dtype}")
        threshold = int((1 - ctypes.c_float(p).value) * 2**32 + 0.5)
        # the first ten, without trailing zeros if the 22 others are zeros
        digits = 10 if threshold % 2**22 else len(f"{threshold >> 22:010b}".rstrip("0"))
        scale = 2**32 / threshold if threshold else 0.0
        x = x.contiguous()
        y = torch.empty_like(x)
        lanes = 64
        programs = triton.cdiv(offset % 1024 + x.numel(), 128 * lanes)
        with torch.cuda.device_of(x):  # Triton runs on the current one
            dropout_kernel[(programs,)](x, y, x.numel(), offset, key, threshold, digits, scale, lanes)
        return y

    @staticmethod
    def backward(ctx, dy):
        return Dropout.apply(dy, *ctx.mask), None, None, None


def dropout(x, key, p, offset=0):
    """`x * scale` where kept, else +0.0. `offset` is the index of the first element, row-major, in the whole tensor."""
    return Dropout.apply(x, key, p, offset)
