import copy
import doctest
import pickle
import re

import pytest
from reference import ROOT

import dropmask
from dropmask import Dropout, Key

DROPOUT = Dropout(Key(42), 0.1, offset=3, scaling="naive", shared=(1, -1), threads=2)
PART = DROPOUT.part((4, 5, 6), (1, 2, 3))
VALUES = [Key(42), Key(2**64 - 1), DROPOUT, PART]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_are_copied_pickled_compared_and_hashed(value):
    for again in (copy.copy(value), copy.deepcopy(value), *(pickle.loads(pickle.dumps(value, n)) for n in range(6))):
        assert again == value and hash(again) == hash(value) and repr(again) == repr(value)
    assert value != 3 and len(set(VALUES)) == len(VALUES)
    assert eval(repr(value), {"Key": Key, "Dropout": Dropout}) == value
    with pytest.raises(AttributeError):
        value.key = Key(1)
    with pytest.raises(TypeError):
        type("Mine", (type(value),), {})


def test_settings_are_read_back():
    assert (DROPOUT.key, DROPOUT.p, DROPOUT.offset, DROPOUT.scaling) == (Key(42), 0.1, 3, "naive")
    assert (DROPOUT.shared, DROPOUT.threads, DROPOUT.scale) == ((1, -1), 2, 1.0)
    assert DROPOUT.threshold == 3_865_470_566 and abs(DROPOUT.keep - 0.9) < 1e-7
    assert DROPOUT.derive(3).key == Key(42).derive(3) and DROPOUT.derive(3).derive(4) == DROPOUT.derive(3, 4)
    assert Key.from_raw(Key(42).raw) == Key(42) and Key(42).derive() == Key(42)


def test_all_that_is_public_is_documented():
    for name in dropmask.__all__:
        thing = getattr(dropmask, name)
        members = [m for n, m in vars(thing).items() if not n.startswith("_")] if isinstance(thing, type) else []
        for member in [thing] * callable(thing) + [m for m in members if callable(m)]:
            assert member.__doc__, (name, member)


def test_examples_of_docstrings():
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    for cls in (Key, Dropout, Dropout.part):
        test = parser.get_doctest(cls.__doc__, vars(dropmask).copy(), cls.__name__, None, None)
        assert test.examples
        runner.run(test)
    assert runner.summarize().failed == 0


@pytest.mark.parametrize("page", ["README.md", "docs/python.md", "python/README.md"])
def test_pages(page):
    """The blocks of a page, one after the other."""
    blocks, names = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S), {}
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), names)
