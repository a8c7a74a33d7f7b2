import multiprocessing
import threading
import time

import numpy as np
import pytest
from reference import floats, same

from dropmask import AttentionDropout, BiasDropout, Dropout, Key, ReluDropout, Select

KEY = Key(3)
SHAPES = [(1_000_003,), (700, 1000), (3, 100_001), (70_001, 5), (6, 300, 200)]


def passes(dropout, x, r):
    words = np.zeros(dropout.words(x.shape), np.uint64)
    relu = np.zeros(-(-x.size // 64), np.uint64)
    yield dropout.forward(x)
    yield dropout.forward(x, mask=words, residual=r)
    yield dropout.apply(words, x)
    yield dropout.forward(x.copy(order="F"))
    in_place = x.copy()
    yield dropout.forward(in_place, out=in_place)
    yield ReluDropout(dropout).forward(x, relu)
    yield ReluDropout(dropout).backward(r, relu)
    yield from BiasDropout(dropout).backward(r)
    yield BiasDropout(dropout).forward(x, r.reshape(-1)[: x.shape[-1]].copy())
    yield Select(dropout).forward(x, r)
    yield Select(dropout).forward(x, r, mask=words)
    yield dropout.fill_u8(x.shape).astype(np.float32)
    part = dropout.part([n + 3 for n in x.shape], [2] * x.ndim)
    yield part.fill(x.shape).view(np.float32)
    yield part.fill_u8(x.shape).astype(np.float32)
    yield part.forward(x, mask=words)
    yield from (words.view(np.float32), relu.view(np.float32), dropout.fill(x.shape).view(np.float32))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("shared", [(), 0, -1], ids=str)
def test_the_same_bits_for_any_number(shape, shared):
    x, r = floats(*shape), floats(*shape)
    expected = list(passes(Dropout(KEY, 0.2, shared=shared), x, r))
    for threads in (2, 5):
        for a, b in zip(passes(Dropout(KEY, 0.2, shared=shared, threads=threads), x, r), expected):
            same(a, b)


@pytest.mark.parametrize("kind", [lambda dropout: dropout, AttentionDropout], ids=["dropout", "attention"])
def test_other_python_threads_run_meanwhile(kind):
    """A thread that counts gets on while a pass is under way."""
    x, dropout, counts, done = floats(1 << 12, 1 << 12), kind(Dropout(KEY, 0.1)), [0], threading.Event()

    def count():
        while not done.is_set():
            counts[0] += 1
            time.sleep(0)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        within = 0
        for _ in range(20):
            before = counts[0]
            dropout.forward(x, out=x)
            within += counts[0] - before
    finally:
        done.set()
        thread.join()
    # with the lock held, one hand-over before and after a call would be all
    assert within > 200


def test_threads_write_interleaved_columns():
    x, out, dropout = floats(4000, 64), np.zeros((4000, 64), np.float32), Dropout(KEY, 0.2)
    parts = [dropout.part(x.shape, (0, first)) for first in range(0, 64, 8)]
    views = [(x[:, first : first + 8], out[:, first : first + 8]) for first in range(0, 64, 8)]
    threads = [threading.Thread(target=p.forward, args=(a,), kwargs={"out": b}) for p, (a, b) in zip(parts, views)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    same(out, dropout.forward(x))


def forward(dropout):
    return dropout.forward(np.ones(1 << 20, np.float32))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes(method):
    """Dropout travels to another process, and its threads start there too: after a fork no pool is left."""
    dropout = Dropout(KEY, 0.2, threads=2)
    expected = forward(dropout)
    with multiprocessing.get_context(method).Pool(1) as pool:
        same(pool.apply_async(forward, (dropout,)).get(timeout=60), expected)
