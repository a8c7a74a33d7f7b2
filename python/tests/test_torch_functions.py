"""dropmask.torch against torch.where with the masks of the package for NumPy."""

import math
import warnings

import numpy as np
import pytest

import dropmask
from dropmask import Key

torch = pytest.importorskip("torch")
import torch.nn.functional as F
from torch import nn

import dropmask.torch as dt

KEY = Key(42).derive(1)
ALPHA = -1.7580993408473766
FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]

# name: the function, a shape, the axes that share a bit, and whether it is alpha dropout
KINDS = {
    "dropout": (dt.dropout, (5, 70), (), False),
    "dropout1d": (dt.dropout1d, (4, 6, 20), (2,), False),
    "dropout1d unbatched": (dt.dropout1d, (60, 20), (1,), False),
    "dropout2d": (dt.dropout2d, (4, 6, 5, 7), (2, 3), False),
    "dropout3d": (dt.dropout3d, (4, 6, 2, 5, 7), (2, 3, 4), False),
    "dropout3d unbatched": (dt.dropout3d, (60, 2, 5, 7), (1, 2, 3), False),
    "alpha": (dt.alpha_dropout, (5, 70), (), True),
    "feature alpha": (dt.feature_alpha_dropout, (4, 6, 5, 7), (2, 3), True),
    "path": (dt.drop_path, (60, 3, 4), (1, 2), False),
}
EACH = pytest.mark.parametrize("kind", KINDS)


def kept(key, p, shape, shared=()):
    return torch.from_numpy(dropmask.Dropout(key, p, shared=shared).fill_bool(shape))


def numbers(p, alpha):
    """a, b and d of where(kept, x * a + b, d)."""
    q = dropmask.Dropout(KEY, p).threshold / 2**32
    if q == 0:
        return 0.0, 0.0, 0.0
    if not alpha:
        return 1 / q, 0.0, 0.0
    a = (q + ALPHA**2 * q * (1 - q)) ** -0.5
    return a, -a * ALPHA * (1 - q), ALPHA * a * q


def expected(x, p, shared, alpha):
    a, b, d = numbers(p, alpha)
    if x.dtype != torch.float64:
        a, b, d = (float(np.float32(v)) for v in (a, b, d))
    wide = x if x.dtype == torch.float64 else x.float()
    mask = kept(KEY, p, tuple(x.shape), shared)
    y = torch.where(mask, wide * a + b if alpha else wide * a, d).to(x.dtype)
    return y, mask.expand(x.shape), a


def equal(a, b):
    assert a.dtype == b.dtype and a.shape == b.shape
    assert torch.equal(a, b)


@EACH
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("p", [0.3, 1.0])
def test_forward_and_backward(kind, dtype, p):
    function, shape, shared, alpha = KINDS[kind]
    x = torch.randn(shape, dtype=torch.float64).to(dtype).requires_grad_()
    y = function(x, p, True, mask_key=KEY)
    want, mask, a = expected(x.detach(), p, shared, alpha)
    equal(y.detach(), want)
    dy = torch.randn_like(x)
    y.backward(dy)
    wide = dy if dtype == torch.float64 else dy.float()
    equal(x.grad, torch.where(mask, wide * a, 0.0).to(dtype))


@EACH
def test_in_place_evaluation_and_p_0(kind):
    function, shape, shared, alpha = KINDS[kind]
    x = torch.randn(shape)
    want, *_ = expected(x, 0.3, shared, alpha)
    for y in (function(x, 0.3, False), function(x, 0.0, True), function(x[:0], 0.3, True)):
        assert y.data_ptr() == (x if y.numel() else x[:0]).data_ptr() and y._base is None or y._base is x
    if kind != "path":
        assert function(x, 0.3, True, True, mask_key=KEY) is x
        equal(x, want)
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            function(torch.ones(shape, requires_grad=True), 0.3, True, True)
        z = x.clone().requires_grad_()
        function(z * 1, 0.3, True, True, mask_key=KEY).sum().backward()
        _, mask, a = expected(x, 0.3, shared, alpha)
        equal(z.grad, torch.where(mask, torch.tensor(a), 0.0).expand(shape))


def test_evaluation_returns_the_input_itself():
    x = torch.randn(4, 5, 6)
    for module in (dt.Dropout(), dt.Dropout1d(), dt.AlphaDropout(), dt.FeatureAlphaDropout(), dt.DropPath(0.5)):
        assert module.eval()(x) is x


def test_path_without_scale():
    x = torch.randn(60, 5)
    equal(dt.drop_path(x, 0.3, True, False, mask_key=KEY), torch.where(kept(KEY, 0.3, (60, 5), 1), x, 0))
    module = dt.seed(dt.DropPath(0.3, scale_by_keep=False), Key(1))
    with dt.step(4):
        equal(module(x), torch.where(kept(Key(1).derive(0, 4), 0.3, (60, 5), 1), x, 0))


VIEWS = {
    "transposed": lambda x: x.transpose(1, 3),
    "columns": lambda x: x.repeat_interleave(2, -1)[..., ::2],
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "broadcast": lambda x: x[:1, :, :1].expand(x.shape),
    "reversed twice": lambda x: x.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0),
    "negated": lambda x: torch._neg_view(x),
}


@pytest.mark.parametrize("view", VIEWS)
@EACH
def test_strides(kind, view):
    function, _, _, alpha = KINDS[kind]
    x = VIEWS[view](torch.randn(4, 6, 5, 8))
    shape = {"dropout1d": (4, 6, -1), "dropout1d unbatched": (24, -1), "dropout3d": (4, 6, 5, 2, 4)}.get(kind)
    x = x if shape is None else x.reshape(shape)
    shared = {"path": (1, 2, 3), "dropout1d": 2, "dropout1d unbatched": 1, "dropout3d": (2, 3, 4)}.get(kind)
    shared = shared or {"dropout3d unbatched": (1, 2, 3), "dropout": (), "alpha": ()}.get(kind, (2, 3))
    y = function(x, 0.3, True, mask_key=KEY)
    equal(y, expected(x, 0.3, shared if kind not in ("dropout", "alpha") else (), alpha)[0])
    assert y.stride() == torch.empty_like(x).stride()


def test_more_axes_than_the_library_takes_are_copied():
    x = torch.randn(2, 3, 2, 3, 2, 3).permute(5, 4, 3, 2, 1, 0)
    for dtype in FLOATS:
        equal(dt.dropout(x.to(dtype), 0.3, mask_key=KEY), expected(x.to(dtype), 0.3, (), False)[0])


def test_no_axes():
    y = [float(dt.dropout(torch.tensor(3.0), 0.25, mask_key=Key(i))) for i in range(20)]
    assert set(y) == {0.0, 4.0}


@pytest.mark.parametrize(
    "name", ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"]
)
@pytest.mark.parametrize("axes", range(7))
@pytest.mark.parametrize("training", [True, False])
def test_shapes_are_checked_as_by_torch(name, axes, training):
    x, said = torch.ones([2] * axes), []
    for function in (getattr(F, name), getattr(dt, name)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                said.append(tuple(function(x, 0.5, training).shape))
            except RuntimeError as error:
                said.append(str(error))
        said.append([str(warning.message) for warning in caught])
    assert said[:2] == said[2:]


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_probabilities_are_refused(p):
    x = torch.ones(2, 3, 4, 5)
    calls = [
        lambda f=f: f(x, p, True) for f in (dt.dropout, dt.dropout2d, dt.dropout3d, dt.alpha_dropout, dt.drop_path)
    ]
    calls += [lambda: dt.drop_block2d(x, p, 3), lambda: dt.scaled_dot_product_attention(x, x, x, dropout_p=p)]
    calls += [lambda: dt.DropPath(p), lambda: dt.Dropout(p)(x), lambda: dt.DropBlock2d(p, 3)(x)]
    for call in calls:
        with pytest.raises((ValueError, RuntimeError), match=f"probability.*{p}|{p}.*probability|NaN"):
            call()


def test_other_devices_and_dtypes_are_refused():
    with pytest.raises(TypeError, match="the input is of torch.int64, not of one of torch.float32"):
        dt.dropout(torch.ones(3, dtype=torch.int64))
    from torch._subclasses.fake_tensor import FakeTensorMode

    error = pytest.raises(NotImplementedError, match="dropmask runs on the CPU, and the input is on cuda:0")
    with FakeTensorMode(), error:
        dt.dropout(torch.empty(3, device="cuda"))
    for key in (3, torch.ones(2), torch.tensor(3)):
        with pytest.raises(TypeError, match="mask_key is .*, not a dropmask.Key, or an int64 vector"):
            dt.dropout(torch.ones(3), mask_key=key)
    assert dt.dropout(torch.empty(3, device="meta")).device.type == "meta"


def test_a_key_tensor_is_a_raw_key_and_steps():
    x, raw = torch.randn(200), Key(5).raw
    key = torch.tensor([raw - 2**64 if raw >= 2**63 else raw, 3, 4])
    equal(dt.dropout(x, mask_key=key), dt.dropout(x, mask_key=Key(5).derive(3, 4)))


def test_autocast():
    model = nn.Sequential(nn.Linear(30, 30), dt.seed(dt.Dropout(0.3), KEY), nn.Linear(30, 30))
    x = torch.randn(8, 30)
    with dt.step(0), torch.autocast("cpu", torch.bfloat16):
        hidden = model[0](x)
        y = model[1](hidden)
        assert y.dtype == torch.bfloat16
        model(x).sum().backward()
    scale = 2**32 / dropmask.Dropout(KEY, 0.3).threshold
    mask = kept(KEY.derive(0, 0), 0.3, (8, 30))
    equal(y, torch.where(mask, hidden.float() * np.float32(scale), 0).bfloat16())
    assert model[0].weight.grad.dtype == torch.float32


def test_seeds_come_from_the_generator_of_torch():
    x, module = torch.randn(300), dt.Dropout(0.5)

    def draws():
        return [module(x), dt.dropout(x), dt.alpha_dropout(x, 0.5, True)]

    torch.manual_seed(1)
    first, second = draws(), draws()
    torch.manual_seed(1)
    with torch.random.fork_rng():
        forked = draws()
    again = draws()
    for a, b, c, d in zip(first, second, forked, again):
        equal(a, c)
        equal(a, d)
        assert not torch.equal(a, b)
    state = torch.get_rng_state()
    dt.dropout(x, mask_key=KEY), dt.dropout(x, 0.0), module.eval()(x)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_statistics(p):
    """The count of kept elements and of equal neighbours, each within 5 standard deviations of its expectation."""
    torch.manual_seed(3)
    n = 1 << 20
    a, b = (dt.dropout(torch.ones(n), p) != 0 for _ in range(2))
    for events, chance in ((a, 1 - p), (a == b, p * p + (1 - p) ** 2), (a[1:] == a[:-1], p * p + (1 - p) ** 2)):
        assert abs(float(events.double().mean()) - chance) < 5 * math.sqrt(chance * (1 - chance) / n)


def test_alpha_keeps_mean_and_variance():
    y = dt.alpha_dropout(torch.randn(1 << 20, generator=torch.Generator().manual_seed(1)), 0.2, True, mask_key=KEY)
    assert abs(y.mean()) < 5 / 1024 and abs(y.var() - 1) < 5 * math.sqrt(3) / 1024  # of a kurtosis below 4


def test_threads_of_torch_change_no_bit():
    x, before = torch.randn(300_000), torch.get_num_threads()
    try:
        ys = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            ys.append(dt.dropout(x, mask_key=KEY))
    finally:
        torch.set_num_threads(before)
    equal(*ys)
