"""Forward and backward of each kind of dropmask.torch beside torch's own, interleaved in one process.

    python benches/torch_kinds.py [--threads 1] [--rounds 25]

Prints the median of microseconds of both, and how many times as fast dropmask is. Answers are compared first: what is dropped,
and the gradient by the mask that forward shows.
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F

import dropmask.torch as dt
from dropmask import Key

P = 0.1
KEY = dt.key_tensor(Key(42).derive(1))


def path(x):
    """Stochastic depth, as timm computes it."""
    keep = x.new_empty((x.shape[0],) + (1,) * (x.dim() - 1)).bernoulli_(1 - P)
    return x * keep.div_(1 - P)


def kinds():
    """name, torch's function, dropmask's, and inputs."""
    small, large, images = (torch.randn(shape) for shape in [(1024,), (2048, 1024), (32, 64, 28, 28)])
    last = images.contiguous(memory_format=torch.channels_last)
    heads = [torch.randn(16, 4, 128, 64) for _ in range(3)]
    yield "dropout, 1,024", lambda x: F.dropout(x, P), lambda x: dt.dropout(x, P, mask_key=KEY), [small]
    yield "dropout, 2 Mi", lambda x: F.dropout(x, P), lambda x: dt.dropout(x, P, mask_key=KEY), [large]
    bfloat = [large.bfloat16()]
    yield "dropout, 2 Mi, bfloat16", lambda x: F.dropout(x, P), lambda x: dt.dropout(x, P, mask_key=KEY), bfloat
    for name, x in (("dropout2d", images), ("dropout2d, channels last", last)):
        yield name, lambda x: F.dropout2d(x, P), lambda x: dt.dropout2d(x, P, mask_key=KEY), [x]
    yield (
        "alpha, 2 Mi",
        lambda x: F.alpha_dropout(x, P, True),
        lambda x: dt.alpha_dropout(x, P, True, mask_key=KEY),
        [large],
    )
    feature = F.feature_alpha_dropout, dt.feature_alpha_dropout
    yield "feature alpha", lambda x: feature[0](x, P, True), lambda x: feature[1](x, P, True, mask_key=KEY), [images]
    yield "drop path", path, lambda x: dt.drop_path(x, P, True, mask_key=KEY), [images]
    attend = F.scaled_dot_product_attention, dt.scaled_dot_product_attention
    for name, causal in (("attention", False), ("attention, causal", True)):
        yield (
            name,
            lambda *qkv, causal=causal: attend[0](*qkv, None, P, causal),
            lambda *qkv, causal=causal: attend[1](*qkv, None, P, causal, mask_key=KEY),
            heads,
        )
    try:
        from torchvision.ops import drop_block2d
    except ImportError:
        return
    yield "DropBlock", lambda x: drop_block2d(x, P, 7), lambda x: dt.drop_block2d(x, P, 7, mask_key=KEY), [images]


def passes(function, inputs, dy):
    leaves = [x.detach().requires_grad_() for x in inputs]
    y = function(*leaves)
    return y, torch.autograd.grad(y, leaves, dy)


def check(name, ours, inputs):
    """That backward has the mask of forward, by the answer for an input of ones."""
    if "attention" in name or "alpha" in name:
        (y, a), (_, b) = (passes(ours, inputs, torch.ones_like(inputs[0])) for _ in range(2))
        assert all(torch.equal(s, t) for s, t in zip(a, b)) and y.isfinite().all()
        return
    (y, (dx,)), dropped = passes(ours, [torch.ones_like(inputs[0])], torch.ones_like(inputs[0])), None
    dropped = float((y == 0).double().mean())
    assert torch.equal(dx, y) and abs(dropped - P) < 0.04, (name, dropped)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=25)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    print("| kind | torch, us | dropmask, us | times as fast |\n|---|---|---|---|")
    for name, theirs, ours, inputs in kinds():
        check(name, ours, inputs)
        dy, inner = torch.randn_like(theirs(*inputs)), max(1, 20_000 // inputs[0].numel())
        times = {theirs: [], ours: []}
        for _ in range(arguments.rounds):
            for function, taken in times.items():
                start = time.perf_counter()
                for _ in range(inner):
                    passes(function, inputs, dy)
                taken.append((time.perf_counter() - start) / inner * 1e6)
        a, b = (statistics.median(taken) for taken in times.values())
        print(f"| {name} | {a:.0f} | {b:.0f} | {a / b:.2f} |", flush=True)


if __name__ == "__main__":
    main()
