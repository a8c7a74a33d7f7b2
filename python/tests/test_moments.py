import copy
import pickle
import threading

import numpy as np
import pytest
from reference import floats

from dropmask import ClassMoments, Dropout, Key, Moments

AGAIN = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda x: pickle.loads(pickle.dumps(x))}


def outputs(*shape):
    """Of passes with different masks."""
    x, dropout = floats(*shape), Dropout(Key(42), 0.3)
    return np.stack([dropout.derive(t).forward(x) for t in range(20)])


def probabilities(*shape):
    p = np.exp(outputs(*shape)).astype(np.float32)
    p[3, ..., 0] = 0  # 0 * log(0) is 0
    return p / p.sum(-1, keepdims=True)


def entropy(p):
    return -np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum(-1)


def after(moments, passes):
    for y in passes:
        assert moments.push(np.asarray(y)) is None
    return moments


@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (2, 1000), (0, 3)], ids=str)
def test_moments(shape):
    y = outputs(*shape)
    moments, all_ = after(Moments(), y), y.astype(float)
    assert moments.passes == 20 and moments.mean.dtype == np.float64 and moments.mean.shape == shape
    np.testing.assert_allclose(moments.mean, all_.mean(0), rtol=1e-12, atol=1e-12)
    for ddof in (0, 1, 5):
        np.testing.assert_allclose(moments.variance(ddof), all_.var(0, ddof=ddof), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(moments.variance(), moments.variance(ddof=0))
    assert moments.variance().shape == shape and np.isnan(moments.variance(20)).all()


@pytest.mark.parametrize("shape", [(4,), (3, 5), (2, 6, 300), (0, 3)], ids=str)
def test_classes(shape):
    p = probabilities(*shape)
    moments, all_ = after(ClassMoments(), p), p.astype(float)
    mean, expected, predictive = all_.mean(0), entropy(all_).mean(0), entropy(all_.mean(0))
    assert moments.passes == 20 and moments.entropy.shape == shape[:-1]
    for ours, theirs in [
        (moments.mean, mean),
        (moments.entropy, expected),
        (moments.predictive_entropy(), predictive),
        (moments.mutual_information(), predictive - expected),
    ]:
        assert ours.shape == theirs.shape and ours.dtype == np.float64
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN)
@pytest.mark.parametrize("before", [0, 1, 7])
def test_goes_on_after_a_copy(again, before):
    y, p = outputs(3, 5), probabilities(3, 5)
    half = after(Moments(), y[:before])
    moments, whole = after(again(half), y[before:]), after(Moments(), y)
    np.testing.assert_array_equal(moments.mean, whole.mean)
    np.testing.assert_array_equal(moments.variance(1), whole.variance(1))
    half_classes = after(ClassMoments(), p[:before])
    classes, whole = after(again(half_classes), p[before:]), after(ClassMoments(), p)
    np.testing.assert_array_equal(classes.mean, whole.mean)
    np.testing.assert_array_equal(classes.mutual_information(), whole.mutual_information())
    assert half.passes == half_classes.passes == before  # a copy, not the same
    assert repr(again(half)) == repr(half)


def test_what_is_returned_does_not_change():
    moments = after(Moments(), outputs(5)[:2])
    mean, copied = moments.mean, moments.mean.copy()
    mean_again = moments.mean
    mean_again += 1
    moments.push(floats(5))
    np.testing.assert_array_equal(mean, copied)


MOMENTS, CLASSES = after(Moments(), outputs(3, 4)), after(ClassMoments(), probabilities(3, 4))
REFUSED = {
    "shape": (ValueError, r"y has the shape \(3, 5\), not \(3, 4\)", lambda: MOMENTS.push(floats(3, 5))),
    "classes": (ValueError, r"p has the shape \(4,\), not \(3, 4\)", lambda: CLASSES.push(floats(4))),
    "no classes": (ValueError, r"p has the shape \(\), not", lambda: ClassMoments().push(np.array(1, np.float32))),
    "dtype": (TypeError, "y is of dtype float64", lambda: MOMENTS.push(np.ones((3, 4)))),
    "gaps": (ValueError, "y has gaps", lambda: MOMENTS.push(floats(3, 8)[:, ::2])),
    "first gaps": (ValueError, "y has gaps", lambda: Moments().push(floats(3, 8)[:, ::2])),
    "ddof": (ValueError, "ddof is -1", lambda: MOMENTS.variance(-1)),
    "no mean": (ValueError, "there was no pass yet", lambda: Moments().mean),
    "no variance": (ValueError, "there was no pass yet", lambda: Moments().variance()),
    "no entropy": (ValueError, "there was no pass yet", lambda: ClassMoments().entropy),
    "no information": (ValueError, "there was no pass yet", lambda: ClassMoments().mutual_information()),
    "restored": (ValueError, "no sums", lambda: Moments._restore(1, np.zeros((2, 3)), np.zeros(5))),
    "classes restored": (ValueError, "no sums", lambda: ClassMoments._restore(1, np.zeros((2, 3)), np.zeros(3))),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_names_and_numbers(name):
    error, text, call = REFUSED[name]
    before = [MOMENTS.mean, MOMENTS.variance(), CLASSES.mean, CLASSES.entropy]
    with pytest.raises(error, match=text):
        call()
    for array, after_ in zip(before, [MOMENTS.mean, MOMENTS.variance(), CLASSES.mean, CLASSES.entropy]):
        np.testing.assert_array_equal(array, after_)
    assert MOMENTS.passes == CLASSES.passes == 20


def test_threads_lose_no_pass():
    """A push during that of another thread may be a RuntimeError, but no pass is lost."""
    moments, y, taken = Moments(), floats(1 << 16), []

    def push():
        for _ in range(50):
            try:
                moments.push(y)
                taken.append(1)
            except RuntimeError as error:
                assert "borrowed" in str(error)

    threads = [threading.Thread(target=push) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert moments.passes == len(taken)
    np.testing.assert_array_equal(moments.mean, y.astype(float))


def test_too_little_memory_is_an_exception():
    with pytest.raises(MemoryError, match=str(2**50)):
        ClassMoments().push(np.empty((2**50, 0), np.float32))
