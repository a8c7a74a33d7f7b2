"""Keras 3 layers with the masks of dropmask, on the backends torch (CPU), JAX and NumPy: copy this file.

    y = Dropout(0.1, seed=3)(x, training=True)  # numpy.where(kept, x * scale, 0)

The mask is that of `dropmask.Key(seed).derive(step)`, which the gradient draws again, so that none is stored. The step is
that of Keras's seed generator, saved and loaded with the weights here, or the argument `step` of a call: `keras.remat` on
torch, which calls the layer again, needs it. Layers of one seed have one mask; without one, Keras takes a random seed. Half
precision is computed in float32. Not here: other backends, `torch.compile`, derivatives of gradients.
"""

from functools import partial

import keras
import numpy as np

import dropmask

if keras.backend.backend() == "torch":
    import torch

    class _Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx, run, state, x):
            ctx.run, ctx.state = run, state
            ctx.save_for_backward(state)
            return torch.empty_like(x) if x.is_meta else torch.from_numpy(run("forward", state, x.detach()))

        @staticmethod
        def backward(ctx, dy):
            if not torch.equal(*ctx.saved_tensors, ctx.state):
                raise RuntimeError("the layer was called again with another step: under keras.remat, give it one")
            return None, None, torch.from_numpy(ctx.run("backward", ctx.state, dy))

    _apply = _Function.apply

elif keras.backend.backend() == "jax":
    import jax

    def _callback(direction, run, state, x):
        return jax.pure_callback(partial(run, direction), x, state, x, vmap_method="sequential")

    _apply = jax.custom_vjp(partial(_callback, "forward"), nondiff_argnums=(0,))
    _apply.defvjp(
        lambda run, state, x: (_apply(run, state, x), state),
        lambda run, state, dy: (None, _callback("backward", run, state, dy)),
    )

elif keras.backend.backend() == "numpy":

    def _apply(run, state, x):
        return run("forward", state, x)

else:
    raise ImportError(f"the backend of Keras is {keras.backend.backend()}, not torch, jax or numpy")


def _run(kind, rate, shared, direction, state, x):
    seed, step = np.asarray(state).tolist()
    dropout = dropmask.Dropout(dropmask.Key(seed).derive(step), rate, shared=shared)
    return getattr(kind(dropout), direction)(np.asarray(x))


def _channels(layer, shape):
    channels = 1 if getattr(layer, "data_format", "") == "channels_first" else len(shape) - 1
    return tuple(n if axis in (0, channels) else 1 for axis, n in enumerate(shape))


def _replayed(base, kind=lambda dropout: dropout, noise_of=lambda layer, shape: layer.noise_shape or shape):
    class Layer(base):
        def call(self, inputs, training=False, step=None):
            if not training or self.rate == 0:
                return inputs
            shape, dtype = tuple(inputs.shape), keras.backend.standardize_dtype(inputs.dtype)
            noise = noise_of(self, shape)
            if len(noise) != len(shape) or any(m not in (None, 1, n) for m, n in zip(noise, shape)):
                raise ValueError(f"noise_shape of {self.name} is {noise}, and its inputs have {shape}")
            run = partial(_run, kind, self.rate, tuple(axis for axis, m in enumerate(noise) if m == 1))
            seeds = self.seed_generator
            state = seeds.next() if step is None else keras.ops.stack([seeds.state[0], step])
            half = dtype in ("float16", "bfloat16")
            return keras.ops.cast(_apply(run, state, keras.ops.cast(inputs, "float32") if half else inputs), dtype)

        def save_own_variables(self, store):
            if self.rate > 0:
                store["seed_state"] = self.seed_generator.state

        def load_own_variables(self, store):
            if self.rate > 0 and "seed_state" in store:  # what Keras's own layers saved has none
                self.seed_generator.state.assign(store["seed_state"])

    Layer.__name__ = Layer.__qualname__ = base.__name__
    return keras.saving.register_keras_serializable("dropmask")(Layer)


Dropout = _replayed(keras.layers.Dropout)
SpatialDropout1D = _replayed(keras.layers.SpatialDropout1D, noise_of=_channels)
SpatialDropout2D = _replayed(keras.layers.SpatialDropout2D, noise_of=_channels)
SpatialDropout3D = _replayed(keras.layers.SpatialDropout3D, noise_of=_channels)
AlphaDropout = _replayed(keras.layers.AlphaDropout, dropmask.AlphaDropout)
