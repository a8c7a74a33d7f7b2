"""The kernel in Triton's interpreter: TRITON_INTERPRET=1 pytest. The library too, if its package for Python is installed."""

import json
import math
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/golden"))
import stream  # the mask stream in NumPy
from dropmask_triton import derive, dropout, new_key

CASES = json.loads((ROOT / "tests/golden/stream.json").read_text())["cases"]
KEY = derive(new_key(42), 7)
TENTH = float(np.float32(0.1))
SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1e-45, -1e-45, 1.1754944e-38, 3.4028235e38, 1.0, -math.pi]


def floats(count):
    return torch.tensor([random.Random(count).choice(SPECIAL) for _ in range(count)])


def bits(x):
    """NaNs are alike."""
    return np.where(np.isnan(x.numpy()), np.uint32(0x7FC00000), x.numpy().view(np.uint32))


def equal(x, y):
    np.testing.assert_array_equal(bits(x), bits(y))


def expected(x, kept, scale):
    with np.errstate(over="ignore"):
        return torch.from_numpy(np.where(kept, x.numpy() * np.float32(scale), np.float32(0)))


def reference(x, key, p, offset):
    threshold = stream.threshold(p)
    kept = stream.kept(key, threshold, stream.indices(offset, [len(x)], [1]))
    return expected(x, kept, stream.scale(threshold))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['p']:.3g} of {case['len']} at {case['offset']}")
def test_golden(case):
    key = derive(new_key(case["seed"]), *case["derive"])
    assert key == int(case["key"], 16)
    words = np.array([int(word, 16) for word in case["words"]], "<u8")
    kept = np.unpackbits(words.view(np.uint8), bitorder="little")[: case["len"]].astype(bool)
    scale = np.array(int(case["scale_bits"], 16), np.uint32).view(np.float32)
    assert kept.sum() == case["kept"]
    for x in torch.ones(case["len"]), floats(case["len"]):
        equal(dropout(x, key, case["p"], case["offset"]), expected(x, kept, scale))


@pytest.mark.parametrize("p", [0.5, TENTH, 1 - 2**-24, 2**-24, 0.0, 1.0])
def test_last_indices(p):
    x = floats(1500)
    equal(dropout(x, KEY, p, 2**64 - 1500), reference(x, KEY, p, 2**64 - 1500))


def test_small_and_round_keys_and_offsets():
    x = floats(100)
    for key in 0, 1, 16, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1:
        for offset in 0, 1, 2**31 - 1, 2**31, 2**32 - 50, 2**63 - 50:
            equal(dropout(x, key, 0.75, offset), reference(x, key, 0.75, offset))


def test_lengths(monkeypatch):
    """Each length is that part of the whole, and what lies around it is not written."""
    x = floats(2048)
    lengths = sorted({0, *range(1, 2049, 61), *(n + d for n in range(64, 2048, 448) for d in (-1, 0, 1)), 2047, 2048})
    for offset in 0, 1000:
        whole = reference(x, KEY, TENTH, offset)
        for n in lengths:
            memory = torch.full((2100,), 7.0)
            with monkeypatch.context() as patch:
                patch.setattr(torch, "empty_like", lambda like: memory[20 : 20 + len(like)])
                dropout(x[:n], KEY, TENTH, offset)
            equal(memory[20 : 20 + n], whole[:n])
            assert (memory[:20] == 7).all() and (memory[20 + n :] == 7).all()


def test_parts_are_the_whole():
    """Three programs of 8192 elements and, with that offset, a fourth; and cuts anywhere."""
    x, offset = floats(24_000), 2**40 + 1000
    whole = dropout(x, KEY, TENTH, offset)
    for part in slice(7_000, 7_500), slice(23_500, 24_000):
        equal(whole[part], reference(x[part], KEY, TENTH, offset + part.start))
    cuts = [0, 1, 64, 65, 1000, 7000, 7191, 7193, 16_384, 24_000]
    parts = [dropout(x[a:b], KEY, TENTH, offset + a) for a, b in zip(cuts, cuts[1:])]
    equal(torch.cat(parts), whole)


@pytest.mark.parametrize("p", [TENTH, 0.5, 0.0, 1.0])
def test_backward(p):
    x, dy = torch.ones(30, 50, requires_grad=True), floats(1500).view(30, 50).requires_grad_()
    (dx,) = torch.autograd.grad(dropout(x, KEY, p, 5), x, dy, create_graph=True)
    equal(dx.detach(), dropout(dy.detach(), KEY, p, 5))
    (ddy,) = torch.autograd.grad(dx, dy, torch.ones(30, 50))
    equal(ddy, dropout(torch.ones(30, 50), KEY, p, 5))
    # the gradient of a sum is one number in memory
    dropout(x, KEY, p, 5).sum().backward()
    equal(x.grad, ddy)


def test_order_of_elements():
    """The index is that in the tensor, not in memory."""
    x = floats(1200).view(30, 40).t()
    equal(dropout(x, KEY, TENTH), dropout(x.contiguous(), KEY, TENTH))


def test_half():
    """The same mask, and one rounding; to bf16 the interpreter cuts off what a GPU rounds."""
    x = torch.linspace(-4, 4, 3000)
    for dtype, error in (torch.float16, 0), (torch.bfloat16, 2**-7):
        rounded = x.to(dtype)
        y, whole = dropout(rounded, KEY, TENTH), dropout(rounded.float(), KEY, TENTH)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y.float() == 0, whole == 0)
        np.testing.assert_allclose(y.float(), whole.to(dtype).float(), rtol=error)


def test_errors():
    x = torch.ones(10)
    for p, offset in (-0.1, 0), (1.1, 0), (math.nan, 0), (0.5, -1), (0.5, 2**64 - 9):
        with pytest.raises(ValueError):
            dropout(x, KEY, p, offset)
    with pytest.raises(TypeError):
        dropout(x.double(), KEY, 0.5)


def test_library():
    """The package for Python, which has the kernels of the library."""
    library = pytest.importorskip("dropmask")
    for seed in range(60):
        choose = random.Random(seed)
        p, n = choose.choice([0, 1, 0.5, 2**-10, 2**-24, choose.random()]), choose.randrange(12_000)
        offset = choose.choice([0, 2**64 - n, choose.randrange(5000), choose.randrange(2**64 - n)])
        key = library.Key(seed).derive(offset)
        assert key.raw == derive(new_key(seed), offset)
        x = floats(n)
        y = dropout(x, key.raw, p, offset)
        expected = library.Dropout(key, float(np.float32(p)), offset=offset)
        equal(y, torch.from_numpy(expected.forward(x.numpy())))
        equal(y, torch.from_numpy(expected.backward(x.numpy())))


COMPILE = r"""
import re
import triton
from triton.backends.compiler import GPUTarget
from dropmask_triton import dropout_kernel
for target in GPUTarget("cuda", 90, 32), GPUTarget("hip", "gfx942", 64):
    for x in "fp32", "bf16":
        types = ["*" + x, "*" + x, "u64", "u64", "u64", "u64", "i32", "fp32", "constexpr"]
        source = triton.compiler.ASTSource(dropout_kernel, dict(zip(dropout_kernel.arg_names, types)), {"LANES": 64})
        machine = triton.compile(source, target=target).asm
        # products that do not flush subnormals, and one rounding to the nearest
        if target.backend == "cuda":
            products = set(re.findall(r"\bmul\.\S*f32\S*", machine["ptx"]))
            assert len(products) == 1 and products <= {"mul.f32", "mul.rn.f32"}, products
            assert x == "fp32" or "cvt.rn.bf16" in machine["ptx"]
        else:
            assert ".amdhsa_float_denorm_mode_32 3" in machine["amdgcn"]
"""


def test_compiles_for_gpus(tmp_path):
    """Without a GPU that is all that can be done: the interpreter takes what the compiler does not."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {"TRITON_CACHE_DIR": str(tmp_path), "TRITON_DEFAULT_FP_FUSION": "0"}
    subprocess.run([sys.executable, "-c", COMPILE], cwd=Path(__file__).parent, env=environment, check=True)
