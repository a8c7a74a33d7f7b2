import numpy as np
import pytest
from reference import dropped, floats, same

from dropmask import Dropout, EmbeddingDropout, Key

DROPOUT = Dropout(Key(42).derive(1), 0.4, offset=5)
EMBEDDING = EmbeddingDropout(DROPOUT)
TABLE = floats(70, 6)


def tokens(*shape):
    return np.random.default_rng(1).integers(0, 70, shape, np.uint32)


@pytest.mark.parametrize("shape", [(), (9,), (4, 200), (2, 3, 4), (0,), (3, 0)], ids=str)
@pytest.mark.parametrize("stored", [False, True])
def test_passes(shape, stored):
    ids, dy = tokens(*shape), floats(*shape, 6)
    kept = DROPOUT.fill_bool(70)[ids][..., None]
    mask = DROPOUT.fill(70) if stored else None
    y = dropped(kept, TABLE[ids], DROPOUT.scale)
    dx = dropped(kept, dy, DROPOUT.scale)
    same(EMBEDDING.lookup(ids, TABLE, mask=mask), y)
    same(EMBEDDING.forward(ids, dy, 70, mask=mask), dx)
    dtable = TABLE.copy()
    assert EMBEDDING.backward_table(ids, dy, dtable, mask=mask) is dtable
    expected = TABLE.copy()
    np.add.at(expected, ids, dx)
    same(dtable, expected)


def test_another_mask_is_read():
    ids, words = tokens(50), np.array([0xF0F0F0F0F0F0F0F0, 3], np.uint64)
    kept = np.array([int(words[i // 64]) >> i % 64 & 1 for i in range(70)], bool)
    same(EMBEDDING.lookup(ids, TABLE, mask=words), dropped(kept[ids][:, None], TABLE[ids], DROPOUT.scale))


def test_in_place_and_accumulated():
    ids, x, total = tokens(50), floats(50, 6), floats(50, 6)
    y, out, into = EMBEDDING.forward(ids, x, 70), x.copy(), np.empty_like(x)
    assert EMBEDDING.forward(ids, out, 70, out=out) is out
    same(out, y)
    expected = total + y
    EMBEDDING.forward(ids, x, 70, out=total, accumulate=True)
    same(total, expected)
    assert EMBEDDING.lookup(ids, TABLE, out=into) is into
    same(into, EMBEDDING.lookup(ids, TABLE))


def test_part_of_a_vocabulary():
    ids = tokens(50)
    part, own = EmbeddingDropout(DROPOUT.part((70,), (30,))), ids[ids >= 30]
    same(part.lookup(own - np.uint32(30), TABLE[30:].copy()), EMBEDDING.lookup(own, TABLE))


IDS, X = tokens(50), floats(50, 6)
MEMORY = floats(800)
REFUSED = {
    "unknown": (
        ValueError,
        "ids has the token 70, the vocabulary has 70 words",
        lambda: EMBEDDING.lookup(np.uint32([3, 70]), TABLE),
    ),
    "unknown in x": (ValueError, "the vocabulary has 5 words", lambda: EMBEDDING.forward(IDS, X, 5)),
    "dtype": (TypeError, "ids is of dtype int64, not uint32", lambda: EMBEDDING.lookup(IDS.astype(np.int64), TABLE)),
    "gaps": (ValueError, "ids has gaps", lambda: EMBEDDING.lookup(IDS[::2], TABLE)),
    "table": (
        ValueError,
        r"table has the shape \(70, 3, 2\), not \(vocabulary, items\)",
        lambda: EMBEDDING.lookup(IDS, TABLE.reshape(70, 3, 2)),
    ),
    "out": (ValueError, r"out has the shape \(49, 6\), not \(50, 6\)", lambda: EMBEDDING.lookup(IDS, TABLE, out=X[1:])),
    "x": (ValueError, r"x has the shape \(6,\), not \(50, 6\)", lambda: EMBEDDING.forward(IDS, X[0], 70)),
    "dy": (
        ValueError,
        r"dy has the shape \(49, 6\), not \(50, 6\)",
        lambda: EMBEDDING.backward_table(IDS, X[1:], TABLE),
    ),
    "mask": (
        ValueError,
        r"mask has the shape \(1,\), not \(2,\)",
        lambda: EMBEDDING.lookup(IDS, TABLE, mask=np.ones(1, np.uint64)),
    ),
    "over the table": (
        ValueError,
        "out and table overlap",
        lambda: EMBEDDING.lookup(IDS, MEMORY[:420].reshape(70, 6), out=MEMORY[:300].reshape(50, 6)),
    ),
    "over dy": (
        ValueError,
        "dtable and dy overlap",
        lambda: EMBEDDING.backward_table(IDS, MEMORY[:300].reshape(50, 6), MEMORY[:420].reshape(70, 6)),
    ),
    "over ids": (
        ValueError,
        "out and ids overlap",
        lambda: EMBEDDING.lookup(MEMORY[:50].view(np.uint32), TABLE, out=MEMORY[:300].reshape(50, 6)),
    ),
    "sum over x": (ValueError, "out and x overlap", lambda: EMBEDDING.forward(IDS, X, 70, out=X, accumulate=True)),
    "sum": (ValueError, "out, which is None", lambda: EMBEDDING.forward(IDS, X, 70, accumulate=True)),
    "shared": (
        ValueError,
        "EmbeddingDropout has no shared axes",
        lambda: EmbeddingDropout(Dropout(Key(1), 0.5, shared=0)),
    ),
    "index": (
        ValueError,
        "passes 2..64",
        lambda: EmbeddingDropout(Dropout(Key(1), 0.5, offset=2**64 - 69)).lookup(IDS, TABLE),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_names_and_numbers(name):
    error, text, call = REFUSED[name]
    before = [array.copy() for array in (X, TABLE, MEMORY)]
    with pytest.raises(error, match=text):
        call()
    for array, copy in zip((X, TABLE, MEMORY), before):
        same(array, copy)
