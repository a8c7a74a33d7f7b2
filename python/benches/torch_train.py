"""A training step of a small transformer: no dropout, torch's and dropmask's, with and without activation checkpointing.

    python benches/torch_train.py [--threads 1] [--rounds 10]     time, interleaved
    python benches/torch_train.py --memory                        bytes saved for backward, and peak, each in a process

Answers are compared first: gradients of dropmask with checkpointing equal those without to the bit.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import dropmask.torch as dt
from dropmask import Key

WIDTH, HEADS, LENGTH, BATCH, LAYERS, P, WORDS = 256, 4, 128, 16, 4, 0.1, 100
VARIANTS = [("none", False), ("torch", False), ("dropmask", False), ("torch", True), ("dropmask", True)]


class Block(nn.Module):
    def __init__(self, kind):
        super().__init__()
        drop = {"none": nn.Identity, "torch": lambda: nn.Dropout(P), "dropmask": lambda: dt.Dropout(P)}[kind]
        self.kind, self.attention = kind, drop()
        self.qkv, self.out, self.norm = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)
        self.first, self.second = drop(), drop()
        self.ff = nn.Sequential(
            nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), drop(), nn.Linear(4 * WIDTH, WIDTH)
        )

    def attend(self, *qkv):
        if self.kind == "dropmask":
            key = self.attention.step_key()
            return dt.scaled_dot_product_attention(*qkv, None, P, True, mask_key=key)
        return F.scaled_dot_product_attention(*qkv, None, P if self.kind == "torch" else 0.0, True)

    def forward(self, x):
        split = (t.view(BATCH, LENGTH, HEADS, -1).transpose(1, 2) for t in self.qkv(self.norm(x)).chunk(3, -1))
        x = x + self.first(self.out(self.attend(*split).transpose(1, 2).reshape(x.shape)))
        return x + self.second(self.ff(x))


class Model(nn.Module):
    def __init__(self, kind, again):
        super().__init__()
        self.kind, self.again = kind, again
        self.words, self.blocks = nn.Embedding(WORDS, WIDTH), nn.ModuleList(Block(kind) for _ in range(LAYERS))
        self.head = nn.Linear(WIDTH, WORDS)

    def forward(self, ids):
        x = self.words(ids)
        for block in self.blocks:
            # torch's masks come again by the generator's state, those of keys without it
            preserve = self.kind == "torch"
            x = checkpoint(block, x, use_reentrant=False, preserve_rng_state=preserve) if self.again else block(x)
        return self.head(x)


class Training:
    def __init__(self, kind, again):
        torch.manual_seed(0)
        self.model, self.number = Model(kind, again), 0
        if kind == "dropmask":
            dt.seed(self.model, Key(42))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=3e-4)
        self.ids = torch.randint(0, WORDS, (BATCH, LENGTH + 1))

    def step(self, hooks=None):
        self.optimizer.zero_grad(set_to_none=True)
        with dt.step(self.number):
            with hooks or nullcontext():
                loss = F.cross_entropy(self.model(self.ids[:, :-1]).flatten(0, 1), self.ids[:, 1:].flatten())
            loss.backward()
        self.optimizer.step()
        self.number += 1
        return loss.item()


def check():
    gradients = []
    for again in (False, True):
        training = Training("dropmask", again)
        training.step()
        gradients.append([p.grad for p in training.model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients))


def named(kind, again):
    return kind + (", checkpointed" if again else "")


def times(rounds):
    check()
    trainings = {named(*variant): Training(*variant) for variant in VARIANTS}
    taken = {name: [] for name in trainings}
    for training in trainings.values():
        training.step()
    for _ in range(rounds):
        for name, training in trainings.items():
            start = time.perf_counter()
            loss = training.step()
            taken[name].append(time.perf_counter() - start)
            assert 0 < loss < 6
    print("| dropout | ms a step, median | least | of torch's |\n|---|---|---|---|")
    for name, all_ in taken.items():
        median = statistics.median(all_)
        share = median / statistics.median(taken["torch"])
        print(f"| {name} | {median * 1e3:.0f} | {min(all_) * 1e3:.0f} | {share:.2f} |")


def memory_of(kind, again):
    """MiB of storages that forward saves for backward, parameters apart; and the peak of the process after two steps."""
    training, storages = Training(kind, again), {}

    def pack(tensor):
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    training.step()
    # hooks would take the place of those that checkpointing sets
    training.step(None if again else torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor))
    for p in training.model.parameters():
        storages.pop(p.untyped_storage().data_ptr(), None)
    saved = "-" if again else f"{sum(storages.values()) / 2**20:.1f}"
    print(f"| {named(kind, again)} | {saved} | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--variant", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.variant is not None:
        memory_of(*VARIANTS[arguments.variant])
    elif arguments.memory:
        print("| dropout | MiB saved for backward | peak of the process, MiB |\n|---|---|---|", flush=True)
        for i in range(len(VARIANTS)):
            subprocess.run([sys.executable, __file__, "--variant", str(i)], check=True)
    else:
        times(arguments.rounds)


if __name__ == "__main__":
    main()
