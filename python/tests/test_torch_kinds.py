"""DropBlock and attention of dropmask.torch, against torch.where with the masks of the package for NumPy."""

import math

import numpy as np
import pytest

import dropmask
from dropmask import Key

torch = pytest.importorskip("torch")
import torch.nn.functional as F
from test_torch_functions import FLOATS, KEY, equal, kept, numbers

import dropmask.torch as dt


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("couple", [False, True])
@pytest.mark.parametrize("p", [0.3, 1.0])
def test_drop_block(dtype, couple, p):
    shape = (3, 4, 9, 8)
    x = torch.randn(shape, dtype=torch.float64).to(dtype).requires_grad_()
    y = dt.drop_block2d(x, p, 3, couple_channels=couple, mask_key=KEY)
    words, count = dropmask.DropBlock(dropmask.Dropout(KEY, p, shared=1 if couple else None), 3).fill(shape)
    noise = (3, 1, 9, 8) if couple else shape
    bits = np.unpackbits(words.view(np.uint8), count=math.prod(noise), bitorder="little")
    mask = torch.from_numpy(bits.reshape(noise)).bool()
    scale = mask.numel() / max(count, 1)
    scale = scale if dtype == torch.float64 else float(np.float32(scale))
    wide = x.detach() if dtype == torch.float64 else x.detach().float()
    equal(y.detach(), torch.where(mask, wide * scale, 0.0).to(dtype))
    y.backward(x.detach())
    equal(x.grad, y.detach())
    last = x.detach().contiguous(memory_format=torch.channels_last)
    equal(dt.drop_block2d(last, p, 3, couple_channels=couple, mask_key=KEY), y.detach())
    assert dt.drop_block2d(last, p, 3, True, couple_channels=couple, mask_key=KEY) is last
    equal(last, y.detach())
    equal(dt.drop_block2d(x, p, 99, mask_key=KEY), dt.drop_block2d(x, p, 8, mask_key=KEY))


def test_drop_block_module():
    x, module = torch.randn(2, 3, 8, 8), dt.seed(dt.DropBlock2d(0.2, 3), Key(1))
    with dt.step(6):
        equal(module(x), dt.drop_block2d(x, 0.2, 3, mask_key=Key(1).derive(0, 6)))
    assert module.eval()(x) is x and dt.drop_block2d(x, 0.0, 3) is x
    assert repr(module) == "DropBlock2d(p=0.2, block_size=3, inplace=False)"
    assert "couple_channels=True" in repr(dt.DropBlock2d(0.2, 3, couple_channels=True))
    with pytest.raises(ValueError, match="input should be 4 dimensional. Got 3 dimensions."):
        dt.drop_block2d(x[0], 0.2, 3)
    with pytest.raises(ValueError, match="eps is 0.1, not 1e-06"):
        dt.drop_block2d(x, 0.2, 3, False, 0.1)


HEADS = [torch.randn(2, 3, n, 8, dtype=torch.float64) for n in (7, 9, 9)]
MASKS = {
    "none": None,
    "causal": None,
    "bool": torch.rand(7, 9) > 0.2,
    "float": torch.randn(7, 9, dtype=torch.float64),
    "rows": torch.randn(3, 7, 1, dtype=torch.float64),
    "gradient": torch.randn(2, 1, 1, 9, dtype=torch.float64),
    "nothing seen": torch.arange(7).view(7, 1) > 2,
}


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize(
    "dtype, close", [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.05)], ids=str
)
def test_attention(name, dtype, close):
    """Beside the same in torch's operations; bfloat16 has 8 bits, and is rounded after each of them."""
    q, k, v = leaves = [t.to(dtype).requires_grad_() for t in HEADS]
    mask, causal = MASKS[name], name == "causal"
    if mask is not None and mask.dtype != torch.bool:
        mask = mask.to(dtype).requires_grad_(name == "gradient")
        leaves += [mask] if name == "gradient" else []
    got = dt.scaled_dot_product_attention(q, k, v, mask, 0.3, causal, 0.5, mask_key=KEY)
    s = q @ k.transpose(-2, -1) * 0.5
    if mask is not None:
        s = s.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else s + mask
    if causal:
        s = s.masked_fill(~torch.ones(7, 9, dtype=torch.bool).tril(), -torch.inf)
    weights = torch.where((s == -torch.inf).all(-1, keepdim=True), 0, s.softmax(-1))
    dropped = torch.where(kept(KEY, 0.3, (2, 3, 7, 9)), weights * numbers(0.3, False)[0], 0).to(dtype)
    want, dy = dropped @ v, torch.randn(got.shape, dtype=dtype)
    pairs = zip((got, *torch.autograd.grad(got, leaves, dy)), (want, *torch.autograd.grad(want, leaves, dy)))
    for a, b in pairs:
        if name == "nothing seen":  # torch's own softmax has gradients of NaN there
            a, b = a.nan_to_num(), b.nan_to_num()
        torch.testing.assert_close(a, b, atol=close, rtol=close)


def test_attention_as_torch_calls_it():
    q, k, v = (t.float() for t in HEADS)
    equal(dt.scaled_dot_product_attention(q, k, v), F.scaled_dot_product_attention(q, k, v))
    call = {"dropout_p": 1e-7, "mask_key": KEY}  # which keeps all of so few
    pairs = [
        (q, k, v, {}),
        (q, k[:1], v[:1], {}),
        (q[0, 0], k[0, 0], v[0, 0], {"scale": 0.1}),
        (q.repeat(1, 2, 1, 1), k, v, {"enable_gqa": True}),
    ]
    for q, k, v, more in pairs:
        got = dt.scaled_dot_product_attention(q, k, v, **call, **more)
        torch.testing.assert_close(got, F.scaled_dot_product_attention(q, k, v, **more))
    with pytest.raises(RuntimeError, match="Explicit attn_mask should not be set when is_causal=True"):
        dt.scaled_dot_product_attention(q, k, v, torch.zeros(7, 9), 0.5, True)
    with torch.autocast("cpu", torch.bfloat16):
        assert dt.scaled_dot_product_attention(q, q, q, **call).dtype == torch.bfloat16
