"""What torch does with the operators: autograd, torch.func, torch.compile, torch.export."""

import itertools
import shutil

import pytest

from dropmask import Key

torch = pytest.importorskip("torch")
from torch import nn

import dropmask.torch as dt
from dropmask.torch import ops

KEY = Key(42).derive(1)
KEYS = dt.key_tensor(KEY)
KINDS = ["inverted", "naive", "alpha", "alpha_backward"]
SHARED = pytest.mark.parametrize("shared", [[], [1], [1, 2]], ids=str)
FUNCTIONS = [dt.dropout, dt.dropout2d, dt.alpha_dropout, dt.feature_alpha_dropout, dt.drop_path]
EACH = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)


def saved(run):
    """The tensors that run() saves for backward."""
    tensors = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: tensors.append(t) or t, lambda t: t):
        run()
    return tensors


@pytest.mark.parametrize("kind", KINDS)
@SHARED
def test_gradients_in_double(kind, shared):
    x = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    function = lambda x: ops.dropout(x, KEYS, 0.4, shared, kind)
    assert torch.autograd.gradcheck(function, x)
    assert torch.autograd.gradgradcheck(function, x)
    # gradcheck sees a wrong mask of both; that the mask is the forward one's
    y = function(x)
    (dx,) = torch.autograd.grad(y, x, torch.ones_like(y))
    linear = ops.dropout(torch.ones_like(x), KEYS, 0.4, shared, "alpha_backward" if kind == "alpha" else kind)
    assert torch.equal(dx, linear)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_opcheck(kind, dtype):
    for x in (torch.randn(4, 3).T, torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)):
        x = x.to(dtype).requires_grad_()
        torch.library.opcheck(torch.ops.dropmask.dropout.default, (x, KEYS, 0.4, [1], kind))


ATTENTION = pytest.mark.parametrize(
    "mask, causal", [(None, False), (None, True), (torch.rand(3, 4).double(), False)], ids=["all", "causal", "mask"]
)


def heads(dtype=torch.float64):
    return [torch.randn(2, n, 3, dtype=dtype, requires_grad=True) for n in (3, 4, 4)]


@ATTENTION
def test_gradients_of_attention_in_double(mask, causal):
    function = lambda q, k, v: dt.scaled_dot_product_attention(q, k, v, mask, 0.3, causal, mask_key=KEY)
    assert torch.autograd.gradcheck(function, heads())
    assert torch.autograd.gradgradcheck(function, heads())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_opcheck_of_attention(dtype, causal):
    scores, value = (
        torch.randn(2, 7, 9, dtype=dtype).requires_grad_(),
        torch.randn(2, 9, 4, dtype=dtype).requires_grad_(),
    )
    bias = None if causal else torch.randn(9, dtype=dtype)
    torch.library.opcheck(torch.ops.dropmask.attention.default, (scores, value, bias, KEYS, 0.3, causal))
    softmax, dweights = scores.detach().softmax(-1).requires_grad_(), torch.randn_like(scores).requires_grad_()
    torch.library.opcheck(torch.ops.dropmask.attention_backward.default, (softmax, dweights, KEYS, 0.3))


def test_attention_saves_no_mask_and_no_dropped_weights():
    q, k, v = heads(torch.float32)
    tensors = saved(lambda: dt.scaled_dot_product_attention(q, k, v, None, 0.3))
    assert sorted(t.numel() for t in tensors if t.dim()) == sorted([1, q.numel(), k.numel(), v.numel(), 2 * 3 * 4])
    assert all(t.dtype == torch.float32 or t.numel() == 1 for t in tensors)


def test_the_bias_of_attention_has_a_gradient_through_vmap():
    q, k, v = (t.detach() for t in heads())
    bias = torch.randn(len(q), 1, q.shape[-2], k.shape[-2], dtype=q.dtype)
    alone = lambda q, k, v, b: dt.scaled_dot_product_attention(q, k, v, b, 0.3, mask_key=KEY)
    want = torch.func.grad(lambda b: torch.stack(list(map(alone, q, k, v, b))).pow(2).sum())(bias)
    got = torch.func.grad(lambda b: torch.func.vmap(alone)(q, k, v, b).pow(2).sum())(bias)
    torch.testing.assert_close(got, want)
    assert got.any()


def test_the_bias_of_attention_has_a_gradient_under_autocast():
    bias = torch.zeros(4, 4, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        dt.scaled_dot_product_attention(*torch.randn(3, 2, 4, 8), bias, 0.3).sum().backward()
    assert bias.grad.any()


def test_attention_broadcasts_as_torch_does():
    q, k, v = torch.randn(1, 4, 5, 8), torch.randn(1, 2, 7, 8), torch.randn(2, 1, 7, 6)
    for mask in (None, torch.randn(4, 1, 7)):
        got = dt.scaled_dot_product_attention(q, k, v, mask, 1e-12, enable_gqa=True)
        want = torch.nn.functional.scaled_dot_product_attention(q, k, v, mask, enable_gqa=True)
        torch.testing.assert_close(got, want)
    with pytest.raises(RuntimeError, match="attn_mask dtype.*int64"):
        dt.scaled_dot_product_attention(q, q, q, torch.ones(5, 5, dtype=torch.int64), 0.5)


def test_transforms_of_attention():
    q, k, v = (t.detach() for t in heads())
    f = lambda q: dt.scaled_dot_product_attention(q, k[0], v[0], None, 0.3, mask_key=KEY).pow(2).sum()
    leaf = q[0].clone().requires_grad_()
    (dq,) = torch.autograd.grad(f(leaf), leaf)
    assert torch.equal(torch.func.grad(f)(q[0]), dq)
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(f))(q), torch.stack([torch.func.grad(f)(q) for q in q]))
    torch.testing.assert_close(torch.func.vmap(f)(q), torch.stack([f(q) for q in q]))
    compiled = torch.compile(f, fullgraph=True, backend="aot_eager")
    assert torch.equal(torch.autograd.grad(compiled(leaf), leaf)[0], dq)
    assert torch.equal(torch.compile(torch.func.grad(f), fullgraph=True, backend="aot_eager")(q[0]), dq)


@EACH
def test_nothing_but_the_key_is_saved(function):
    x = torch.randn(4, 5, 6, 7, requires_grad=True)
    (key,) = saved(lambda: function(x, 0.5, True))
    assert key.dtype == torch.int64 and key.numel() == 1


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_drop_block_saves_a_count_and_has_all_transforms():
    x = torch.randn(2, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    tensors = saved(lambda: dt.drop_block2d(x, 0.3, 2))
    assert [(t.dtype, t.numel()) for t in tensors] == [(torch.int64, 1)] * 2
    for couple in (False, True):
        function = lambda x: dt.drop_block2d(x, 0.3, 2, couple_channels=couple, mask_key=KEY)  # noqa: B023
        assert torch.autograd.gradcheck(function, x)
        assert torch.autograd.gradgradcheck(function, x)
        for y in (x, x.detach().float().requires_grad_()):
            settings = 0.3, [1] if couple else [], 2
            torch.library.opcheck(torch.ops.dropmask.drop_block.default, (y, KEYS, *settings))
            torch.library.opcheck(
                torch.ops.dropmask.drop_block_backward.default, (y, KEYS, torch.tensor(20), *settings)
            )
    square = lambda x: function(x).pow(2).sum()
    (dx,) = torch.autograd.grad(square(x), x)
    assert torch.equal(torch.func.grad(square)(x.detach()), dx)
    assert torch.equal(torch.compile(torch.func.grad(square), fullgraph=True, backend="aot_eager")(x.detach()), dx)
    many = torch.stack([x.detach(), 2 * x.detach()])
    assert torch.equal(torch.func.vmap(torch.func.grad(square))(many), torch.stack([dx, 2 * dx]))


@EACH
def test_func_grad_and_second_derivatives(function):
    x = torch.randn(4, 5, 6, 7)
    f = lambda x: function(x, 0.5, True, mask_key=KEY).pow(3).sum()
    leaf = x.clone().requires_grad_()
    (dx,) = torch.autograd.grad(f(leaf), leaf)
    assert torch.equal(torch.func.grad(f)(x), dx)
    (ddx,) = torch.autograd.grad(torch.autograd.grad(f(leaf), leaf, create_graph=True)[0].sum(), leaf)
    assert torch.equal(torch.func.grad(lambda x: torch.func.grad(f)(x).sum())(x), ddx)


@EACH
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_vmap_with_a_key_is_map(function, axis):
    x = torch.randn(4, 4, 4, 4)
    alone = lambda x: function(x, 0.5, True, mask_key=KEY)
    with pytest.warns(UserWarning) if function is dt.dropout2d else pytest.MonkeyPatch().context():
        want = torch.stack([alone(x) for x in x.unbind(axis)])
        got = torch.func.vmap(alone, axis)(x)
        assert torch.equal(got, want)
        grads = torch.func.vmap(torch.func.grad(lambda x: alone(x).pow(2).sum()), axis)(x)
        assert torch.equal(
            grads, torch.stack([torch.func.grad(lambda x: alone(x).pow(2).sum())(x) for x in x.unbind(axis)])
        )


@pytest.mark.filterwarnings("ignore:dropout2d")
@EACH
def test_gradients_pass_through_vmap(function):
    x = torch.randn(3, 4, 4, 4, requires_grad=True)
    alone = lambda x: function(x, 0.5, True, mask_key=KEY)
    (want,) = torch.autograd.grad(torch.stack([alone(x) for x in x]).pow(2).sum(), x)
    loss = lambda x: torch.func.vmap(alone)(x).pow(2).sum()
    assert torch.equal(torch.autograd.grad(loss(x), x)[0], want)
    assert torch.equal(torch.func.grad(loss)(x.detach()), want)


@pytest.mark.filterwarnings("ignore:dropout2d", "ignore:`torch.jit")  # torch scripts its own rules
@EACH
def test_forward_mode_is_refused(function):
    x = torch.ones(2, 4, 4)
    drop = lambda x: function(x, 0.5, True, mask_key=KEY)
    with pytest.raises(NotImplementedError, match="jvp"):
        torch.func.jvp(drop, (x,), (x,))
    with torch.autograd.forward_ad.dual_level(), pytest.raises(NotImplementedError, match="jvp"):
        drop(torch.autograd.forward_ad.make_dual(x, x))


def test_vmap_without_a_key_is_as_random_as_it_is_told_to_be():
    x = torch.ones(3, 100)
    drop = lambda x: dt.dropout(x, 0.5)
    with pytest.raises(RuntimeError, match="randomness"):
        torch.func.vmap(drop)(x)
    same = torch.func.vmap(drop, randomness="same")(x)
    assert torch.equal(same[0], same[1]) and torch.equal(same[0], same[2])
    different = torch.func.vmap(drop, randomness="different")(x)
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(different, 2))
    grads = torch.func.vmap(torch.func.grad(lambda x: drop(x).pow(2).sum() / 4), randomness="different")(x)
    assert set(grads.unique().tolist()) == {0.0, 2.0} and not torch.equal(grads[0], grads[1])
    keys = torch.arange(12).reshape(3, 4)
    many = torch.func.vmap(lambda k: dt.dropout(x[0], 0.5, mask_key=k))(keys)
    assert torch.equal(many, torch.stack([dt.dropout(x[0], 0.5, mask_key=k) for k in keys]))


@pytest.mark.filterwarnings("ignore:dropout2d")
@EACH
def test_compile_of_transforms(function):
    torch._dynamo.reset()
    x = torch.randn(4, 5, 6)
    f = lambda x: function(x, 0.5, True, mask_key=KEY).pow(2).sum()
    for transform in (torch.func.grad, torch.func.vmap):
        compiled = torch.compile(transform(f), fullgraph=True, backend="aot_eager")
        assert torch.equal(compiled(x), transform(f)(x))


def network():
    torch.manual_seed(0)
    layers = [
        nn.Linear(30, 30),
        dt.Dropout(0.2),
        nn.SELU(),
        dt.AlphaDropout(0.1),
        nn.Unflatten(1, (5, 6)),
        dt.DropPath(0.3),
    ]
    return nn.Sequential(*layers, dt.Dropout1d(0.2))


def run(model, x):
    model.zero_grad()
    y = model(x)
    y.pow(2).sum().backward()
    return [y.detach(), *(p.grad.clone() for p in model.parameters())]


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compile_once_for_all_steps(backend):
    if backend == "inductor" and not shutil.which("c++"):
        pytest.skip("inductor needs a C++ compiler")
    from torch._dynamo.utils import counters

    torch._dynamo.reset()
    counters.clear()
    model, x, seen = dt.seed(network(), KEY), torch.randn(8, 30), []
    compiled = torch.compile(model, fullgraph=True, backend=backend)
    for number in range(4):
        with dt.step(number):
            want, got = run(model, x), run(compiled, x)
        for a, b in zip(want, got):
            torch.testing.assert_close(a, b)
        assert not any(torch.equal(want[0], other) for other in seen)
        seen.append(want[0])
    assert counters["stats"]["unique_graphs"] == 1 and not counters["graph_break"]
    with dt.step(0, 1):
        for a, b in zip(run(model, x), run(compiled, x)):
            torch.testing.assert_close(a, b)


def test_compile_without_keys_draws_as_eager():
    torch._dynamo.reset()
    model, x = network(), torch.randn(8, 30)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.manual_seed(7)
    want = run(model, x), run(model, x)
    torch.manual_seed(7)
    got = run(compiled, x), run(compiled, x)
    for a, b in zip(itertools.chain(*want), itertools.chain(*got)):
        assert torch.equal(a, b)
    assert not torch.equal(got[0][0], got[1][0])


def test_compile_in_evaluation_and_in_place():
    torch._dynamo.reset()
    x = torch.randn(8, 30)
    compiled = torch.compile(network().eval(), fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x), network().eval()(x))
    in_place = dt.seed(dt.Dropout(0.2, inplace=True), KEY)
    with dt.step(0):
        assert torch.equal(torch.compile(in_place, fullgraph=True, backend="aot_eager")(x.clone()), in_place(x.clone()))


class OfKey(nn.Module):
    def forward(self, x, key):
        return dt.dropout(x.relu(), 0.3, mask_key=key)


def test_export_takes_the_key_as_an_input():
    x = torch.randn(4, 20)
    program = torch.export.export(OfKey(), (x, KEYS))
    assert any("dropmask.dropout" in str(node.target) for node in program.graph.nodes)
    for i in range(3):
        key = dt.key_tensor(Key(i))
        assert torch.equal(program.module()(x, key), OfKey()(x, key))


def test_export_of_a_module_without_a_key():
    x = torch.ones(4, 200)
    program = torch.export.export(dt.Dropout(0.5), (x,)).module()
    torch.manual_seed(1)
    want = dt.Dropout(0.5)(x), dt.Dropout(0.5)(x)
    torch.manual_seed(1)
    assert torch.equal(program(x), want[0]) and torch.equal(program(x), want[1])
