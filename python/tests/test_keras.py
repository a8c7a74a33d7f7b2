"""The example for Keras, on the backend that KERAS_BACKEND names: torch, jax or numpy."""

import os
import sys

import numpy as np
import pytest
from reference import ROOT, dropped, floats, same

from dropmask import AlphaDropout, Dropout, Key

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")
sys.path.append(str(ROOT / "python/examples"))
import keras_dropout as layers

# Keras reads its variables of JAX by a protocol that NumPy would have otherwise
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
BACKEND = keras.backend.backend()
trained = pytest.mark.skipif(BACKEND == "numpy", reason="Keras has no gradients on numpy")
array = keras.ops.convert_to_numpy
tensor = keras.ops.convert_to_tensor
SEED = 2**31 - 5 if BACKEND == "torch" else 2**32 - 5  # the largest seeds of Keras but 4
CASES = [
    (layers.Dropout, {}, (40, 30), ()),
    (layers.Dropout, {"noise_shape": (None, 1, 5, 1)}, (4, 3, 5, 2), (1, 3)),
    (layers.Dropout, {"noise_shape": (1, 30)}, (40, 30), 0),
    (layers.SpatialDropout1D, {}, (4, 6, 5), 1),
    (layers.SpatialDropout2D, {"data_format": "channels_last"}, (4, 3, 2, 5), (1, 2)),
    (layers.SpatialDropout2D, {"data_format": "channels_first"}, (4, 5, 3, 2), (2, 3)),
    (layers.SpatialDropout3D, {"data_format": "channels_last"}, (4, 3, 2, 2, 5), (1, 2, 3)),
    (layers.SpatialDropout3D, {"data_format": "channels_first"}, (4, 5, 3, 2, 2), (2, 3, 4)),
]
ALPHA = [(layers.AlphaDropout, {}, (40, 30), ()), (layers.AlphaDropout, {"noise_shape": (None, 1)}, (40, 30), 1)]


def settings(rate, shared, step):
    return Dropout(Key(SEED).derive(step), rate, shared=shared)


def alpha_of(kept, q, alpha=-1.7580993408473766):
    """Alpha dropout by numpy.where, and the factor of its gradient."""
    a = (q + alpha**2 * q * (1 - q)) ** -0.5
    return lambda x: np.where(kept, x * a - a * alpha * (1 - q), alpha * a * q), a


def gradient(f, x, dy):
    """f(x) and the gradient to x, by the framework."""
    if BACKEND == "torch":
        x = tensor(x).requires_grad_()
        y = f(x)
        y.backward(tensor(dy))
        return array(y), array(x.grad)
    import jax

    y, backward = jax.vjp(f, tensor(x))
    return array(y), array(backward(tensor(dy))[0])


@pytest.mark.parametrize("kind, options, shape, shared", CASES, ids=str)
@pytest.mark.parametrize("rate", [0.3, 1.0])
def test_masks_are_those_of_seed_and_step(kind, options, shape, shared, rate):
    layer = kind(rate, seed=SEED, **options)
    x = floats(*shape)
    for step in range(2):
        dropout = settings(rate, shared, step)
        same(array(layer(x, training=True)), dropped(dropout.fill_bool(shape), x, dropout.scale))
    same(array(layer(x, training=False)), x)
    dropout = settings(rate, shared, 7)
    same(array(layer(x, training=True, step=7)), dropped(dropout.fill_bool(shape), x, dropout.scale))
    np.testing.assert_array_equal(array(layer.seed_generator.state), [SEED, 2])  # where no step was given


@pytest.mark.parametrize("kind, options, shape, shared", ALPHA, ids=str)
def test_alpha_dropout(kind, options, shape, shared):
    x, dropout = floats(*shape), settings(0.3, shared, 0)
    y = array(kind(0.3, seed=SEED, **options)(x, training=True))
    same(y, AlphaDropout(dropout).forward(x))
    np.testing.assert_allclose(y, alpha_of(dropout.fill_bool(shape), 0.7)[0](x), rtol=2e-6, atol=2e-6)


@trained
@pytest.mark.parametrize("kind, options, shape, shared", CASES + ALPHA, ids=str)
def test_gradients(kind, options, shape, shared):
    x, dy, dropout = floats(*shape), floats(*shape), settings(0.3, shared, 0)
    layer, kept = kind(0.3, seed=SEED, **options), dropout.fill_bool(shape)
    _, dx = gradient(lambda x: layer(x, training=True), x, dy)
    scale = alpha_of(kept, 0.7)[1] if kind is layers.AlphaDropout else dropout.scale
    np.testing.assert_allclose(dx, dropped(kept, dy, scale), rtol=2e-7)


@trained
def test_gradients_are_those_of_the_framework():
    layer, x, dy = layers.Dropout(0.3, seed=SEED), floats(40, 30), floats(40, 30)
    kept, scale = tensor(settings(0.3, (), 5).fill_bool(x.shape)), settings(0.3, (), 5).scale
    ours = gradient(lambda x: keras.ops.tanh(layer(keras.ops.sin(x), training=True, step=5)), x, dy)
    theirs = gradient(lambda x: keras.ops.tanh(keras.ops.where(kept, keras.ops.sin(x) * scale, 0.0)), x, dy)
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@trained
def test_nothing_as_large_as_the_input_is_stored():
    layer, x = layers.Dropout(0.3, seed=SEED), floats(40, 30)
    if BACKEND == "torch":
        import torch

        stored = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: stored.append(t.shape), lambda t: t):
            layer(tensor(x).requires_grad_(), training=True)
        assert stored == [(2,)]
    else:
        import jax

        _, backward = jax.vjp(lambda x: layer(x, training=True), tensor(x))
        assert [kept.shape for kept in jax.tree.leaves(backward)] == [(2,)]


@trained
def test_a_pass_that_is_computed_again_has_the_mask_of_its_step():
    layer, dense, x, dy = layers.Dropout(0.3, seed=SEED), keras.layers.Dense(30), floats(40, 30), floats(40, 30)
    dense.build(x.shape)

    def block(x):
        return keras.ops.tanh(dense(layer(keras.ops.tanh(x), training=True, step=5)))

    for a, b in zip(gradient(keras.remat(block), x, dy), gradient(block, x, dy)):
        same(a, b)
    counted = keras.remat(lambda x: keras.ops.sin(layer(x, training=True)))
    if BACKEND == "torch":
        with pytest.raises(RuntimeError, match="called again with another step"):
            gradient(counted, x, dy)


def model():
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((12, 4)),
            layers.SpatialDropout1D(0.2, seed=1),
            keras.layers.Flatten(),
            keras.layers.Dense(8, activation="selu"),
            layers.AlphaDropout(0.1, seed=2),
            layers.Dropout(0.5, noise_shape=(None, 8), seed=3),
            keras.layers.Dense(1),
        ]
    )


def test_a_saved_model_goes_on_with_the_next_mask(tmp_path):
    built, x = model(), floats(6, 12, 4)
    first = array(built(x, training=True))
    built.save(tmp_path / "model.keras")
    built.save_weights(tmp_path / "model.weights.h5")
    loaded, weights = keras.models.load_model(tmp_path / "model.keras"), model()
    weights.load_weights(tmp_path / "model.weights.h5")
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in built.layers]
    assert [layer.get_config() for layer in loaded.layers] == [layer.get_config() for layer in built.layers]
    second = array(built(x, training=True))
    assert not np.array_equal(first, second)
    same(array(loaded(x, training=True)), second)
    same(array(weights(x, training=True)), second)


@trained
def test_training_that_was_interrupted_ends_the_same(tmp_path):
    x, y = floats(64, 12, 4), floats(64, 1)

    def new():
        built = model()
        built.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse")
        return built

    def fit(model, epochs):
        model.fit(x, y, batch_size=16, epochs=epochs, shuffle=False, verbose=0)
        return model

    whole = fit(new(), 2)
    fit(new(), 1).save(tmp_path / "model.keras")
    again = fit(keras.models.load_model(tmp_path / "model.keras"), 1)
    for a, b in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_shapes_are_known_before_there_are_values():
    class Block(keras.layers.Layer):  # of which Keras learns the shape by a call without values
        def __init__(self):
            super().__init__()
            self.dropout = layers.SpatialDropout1D(0.5)

        def call(self, x):
            return self.dropout(x, training=True)

    assert Block()(keras.Input((5, 3))).shape == (None, 5, 3)


def test_weights_of_keras_are_loaded(tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5)]).save_weights(tmp_path / "a.weights.h5")
    keras.Sequential([keras.Input((3,)), layers.Dropout(0.5)]).load_weights(tmp_path / "a.weights.h5")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    x = keras.ops.cast(tensor(floats(40, 30)), dtype)
    y = layers.Dropout(0.3, seed=SEED, dtype=dtype)(x, training=True)
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    dropout, single = settings(0.3, (), 0), array(keras.ops.cast(x, "float32"))
    whole = keras.ops.cast(tensor(dropped(dropout.fill_bool(x.shape), single, dropout.scale)), dtype)
    same(array(keras.ops.cast(y, "float32")), array(keras.ops.cast(whole, "float32")))


def test_refused_with_names_and_numbers():
    layer = layers.Dropout(0.5, noise_shape=(None, 2), name="one", seed=1)
    with pytest.raises(Exception, match="is 1.*, not a whole number"):
        array(layer(floats(4, 2), training=True, step=1.5))
    with pytest.raises(ValueError, match=r"noise_shape of one is \(None, 2\), and its inputs have \(4, 3\)"):
        layer(floats(4, 3), training=True)
    with pytest.raises(ValueError, match=r"noise_shape of one is \(None, 2\), and its inputs have \(4,\)"):
        layer(floats(4), training=True)
    if BACKEND != "jax":  # which has no float64 by default
        with pytest.raises(TypeError, match="x is of dtype float64, not float32"):
            layers.Dropout(0.5, dtype="float64")(floats(4, 2), training=True)
    np.testing.assert_array_equal(array(layer.seed_generator.state), [1, 0])
