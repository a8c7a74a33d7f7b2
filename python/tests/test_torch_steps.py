"""Keys and steps: what makes the masks of a training step, and makes them again."""

import copy
import io
import pickle
import re
import threading

import pytest
from reference import ROOT

import dropmask
from dropmask import Key

torch = pytest.importorskip("torch")
from torch import nn
from torch.utils.checkpoint import checkpoint

import dropmask.torch as dt

KEY = Key(42)
X = torch.randn(8, 30, generator=torch.Generator().manual_seed(1))


def kept(key, p=0.5, shape=(8, 30)):
    return torch.from_numpy(dropmask.Dropout(key, p).fill_bool(shape))


def network(seeded=True):
    torch.manual_seed(0)
    layers = [
        nn.Linear(30, 30),
        dt.Dropout(0.2),
        nn.GELU(),
        nn.Sequential(nn.Linear(30, 30), dt.AlphaDropout(0.1)),
        nn.GELU(),
    ]
    model = nn.Sequential(*layers, nn.Linear(30, 30), dt.DropPath(0.3))
    return dt.seed(model, KEY) if seeded else model


def gradients(model):
    got = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    return got


def test_the_key_of_a_module_is_derived_by_the_steps():
    module, ones = dt.seed(dt.Dropout(), KEY), torch.ones(8, 30)
    with dt.step(3):
        assert torch.equal(module(ones) != 0, kept(KEY.derive(0, 3)))
        assert torch.equal(module(ones) != 0, kept(KEY.derive(0, 3)))  # however often it runs
        with dt.step(1, 4):
            assert torch.equal(module(ones) != 0, kept(KEY.derive(0, 3, 1, 4)))
        assert torch.equal(module(ones) != 0, kept(KEY.derive(0, 3)))
    with pytest.raises(RuntimeError, match="Dropout has a key, and no step is entered in this thread"):
        module(ones)
    assert module.eval()(ones) is ones
    with pytest.raises(ZeroDivisionError), dt.step(0):
        raise ZeroDivisionError
    with pytest.raises(RuntimeError, match="no step is entered"):
        module.train()(ones)


def test_seed_counts_modules_by_name():
    model = nn.ModuleDict({"b": nn.Sequential(dt.Dropout(), nn.Linear(2, 2), dt.DropPath()), "a": dt.Dropout2d()})
    assert dt.seed(model, KEY) is model
    raw = [module.mask_key.item() % 2**64 for _, module in model.named_modules() if hasattr(module, "mask_key")]
    assert raw == [KEY.derive(i).raw for i in range(3)]
    with pytest.raises(ValueError, match="Linear has no module of dropmask.torch"):
        dt.seed(nn.Linear(2, 2), KEY)


@pytest.mark.parametrize("numbers", [(), (-1,), (2**63,), (1, -2)], ids=str)
def test_steps_are_refused(numbers):
    with pytest.raises(ValueError, match="step is .*, not one number or more from 0"), dt.step(*numbers):
        pass
    with pytest.raises(TypeError), dt.step(1.5):
        pass


def test_threads_have_steps_of_their_own():
    module, got, barrier = dt.seed(dt.Dropout(), KEY), {}, threading.Barrier(4, timeout=60)

    def work(number):
        try:
            module(X)
        except RuntimeError as error:
            got[number, "outside"] = error
        with dt.step(number):
            barrier.wait()
            got[number] = module(torch.ones(8, 30)) != 0
            barrier.wait()

    with dt.step(99):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    for number in range(4):
        assert torch.equal(got[number], kept(KEY.derive(0, number))) and (number, "outside") in got


def test_state_dict_resumes_with_the_same_masks():
    model, buffer = network(), io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    state = torch.load(buffer, weights_only=True)
    assert [name for name in state if name.endswith("mask_key")] == ["1.mask_key", "3.1.mask_key", "6.mask_key"]
    for assign in (False, True):
        for other in (network(seeded=False), dt.seed(network(), Key(7))):
            other.load_state_dict(state, strict=True, assign=assign)
            with dt.step(5):
                assert torch.equal(other(X), model(X))
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), copy.deepcopy(model).double().float()):
        with dt.step(5):
            assert torch.equal(other(X), model(X))


def test_checkpoints_of_torch_load():
    theirs = nn.Sequential(nn.Linear(30, 30), nn.Dropout(0.2))
    ours = nn.Sequential(nn.Linear(30, 30), dt.Dropout(0.2))
    ours.load_state_dict(theirs.state_dict(), strict=True)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    dt.seed(ours, KEY)
    before = ours[1].mask_key.clone()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    assert torch.equal(ours[1].mask_key, before)
    with pytest.raises(RuntimeError, match='Unexpected key.*"1.mask_key"'):
        theirs.load_state_dict(ours.state_dict(), strict=True)
    with pytest.raises(RuntimeError, match='Missing key.*"0.weight"'):
        ours.load_state_dict({}, strict=True)


def test_convert():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.3, batch_first=True)
    model = nn.Sequential(
        nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Dropout1d(0.25, inplace=True).eval()
    )
    theirs = copy.deepcopy(model).eval()
    hooked = []
    model[1].register_forward_hook(lambda *_: hooked.append(1))
    before = dict(model.named_modules())
    assert dt.convert(model) is model and dict(model.named_modules()) == before
    drops = [m for m in model.modules() if isinstance(m, nn.modules.dropout._DropoutNd)]
    assert len(drops) == 7 and all(type(m).__module__ == "dropmask.torch.modules" for m in drops)
    assert repr(model) == repr(theirs)
    assert (model[1].p, model[1].inplace, model[1].training) == (0.25, True, False)
    dt.seed(model, KEY)
    x = torch.randn(2, 5, 16)
    with dt.step(0):
        model[0].train()
        model[0](x).sum().backward()
    model.eval()
    torch.testing.assert_close(model(x), theirs(x))
    assert hooked and all(p.grad is not None for p in model.parameters())
    assert type(dt.convert(nn.Dropout(0.1))) is dt.Dropout
    for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"):
        ours, theirs = getattr(dt, name), getattr(nn, name)
        assert type(dt.convert(theirs(0.1))) is ours and issubclass(ours, theirs)
        assert repr(ours(0.1, True)) == repr(theirs(0.1, True))
        with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1, but got 2"):
            ours(2)


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("preserve", [False, True])
def test_checkpointing(reentrant, preserve):
    model = network()
    x = X.clone().requires_grad_()
    with dt.step(4):
        model(x).pow(2).sum().backward()
        want = [*gradients(model), x.grad.clone()]
        x.grad = None
        torch.manual_seed(9)
        y = checkpoint(model, x, use_reentrant=reentrant, preserve_rng_state=preserve)
        torch.rand(5)
        y.pow(2).sum().backward()
    for a, b in zip(want, [*gradients(model), x.grad]):
        assert torch.equal(a, b)


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing_without_keys_is_that_of_torch(reentrant):
    model, x = network(seeded=False), X.clone().requires_grad_()
    got = []
    for function in (model, lambda x: checkpoint(model, x, use_reentrant=reentrant)):
        torch.manual_seed(9)
        function(x).pow(2).sum().backward()
        got.append(gradients(model))
    for a, b in zip(*got):
        assert torch.equal(a, b)


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing_outside_of_the_step_is_an_error(reentrant):
    model, x = network(), X.clone().requires_grad_()
    with dt.step(4):
        y = checkpoint(model, x, use_reentrant=reentrant, preserve_rng_state=False)
    with pytest.raises(RuntimeError, match="no step is entered in this thread: run forward and backward within"):
        y.sum().backward()


def test_checkpointing_with_another_mask_is_an_error():
    model, x = network(), X.clone().requires_grad_()
    with dt.step(4):
        y = checkpoint(model, x, use_reentrant=False, preserve_rng_state=False)
    with dt.step(5), pytest.raises(RuntimeError, match="the forward pass was computed again with another mask"):
        y.sum().backward()
    y = checkpoint(network(seeded=False), x, use_reentrant=False, preserve_rng_state=False)
    with pytest.raises(RuntimeError, match="the forward pass was computed again with another mask"):
        y.sum().backward()


def test_backward_without_checkpointing_may_be_anywhere():
    model = network()
    with dt.step(4):
        model(X).sum().backward()
        want = gradients(model)
        y = model(X).sum()
    y.backward()
    for a, b in zip(want, gradients(model)):
        assert torch.equal(a, b)


def test_the_key_of_a_step_is_that_of_a_function():
    module = dt.seed(dt.Dropout(0.5), KEY)
    q = torch.randn(2, 8, 4)
    with dt.step(2):
        got = dt.scaled_dot_product_attention(q, q, q, dropout_p=module.p, mask_key=module.step_key())
    assert torch.equal(got, dt.scaled_dot_product_attention(q, q, q, dropout_p=0.5, mask_key=KEY.derive(0, 2)))
    assert module.eval().step_key() is None and dt.Dropout().step_key() is None


def test_page():
    """The blocks of the page, one after the other."""
    page = ROOT / "docs/python-torch.md"
    blocks, names = re.findall(r"```python\n(.*?)```", page.read_text(), re.S), {}
    assert len(blocks) > 5
    for block in blocks:
        exec(compile(block, page, "exec"), names)


def test_all_that_is_public_is_documented():
    for name in dt.__all__:
        assert getattr(dt, name).__doc__, name
