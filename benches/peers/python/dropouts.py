"""Dropout of an array by dropmask, NumPy, PyTorch, JAX and ONNX Runtime, each as its documentation knows best, one thread."""

import ctypes
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import flax.linen as nn
import jax
import numpy as np
import onnx
import onnxruntime as ort
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
jax.config.update("jax_cpu_enable_async_dispatch", False)

BOTH = "forward + backward"


def aligned(n: int) -> np.ndarray:
    """`np.empty(n, np.float32)` at a multiple of 64 bytes."""
    buffer = np.empty(n + 16, np.float32)
    return buffer[-buffer.ctypes.data // 4 % 16 :][:n]


class Case:
    """The arrays of n elements that all share but the frameworks' results: x and dy in [-1, 1), y and dx for what comes out."""

    def __init__(self, n: int, p: float) -> None:
        self.n, self.p = n, p
        self.x, self.dy, self.y, self.dx = (aligned(n) for _ in range(4))
        rng = np.random.default_rng(1)
        for array in (self.x, self.dy):
            array[:] = rng.uniform(-1, 1, n)

    def check(self, outputs: list[np.ndarray]) -> None:
        """Asserts `y = where(kept, x / (1 - p), 0)` with about `n * (1 - p)` kept, and `dx` of `dy` with the same mask."""
        kept = outputs[0] != 0
        deviation = abs(kept.sum() - self.n * (1 - self.p)) / np.sqrt(self.n * self.p * (1 - self.p))
        assert deviation < 6, f"keeps {kept.sum()} of {self.n} at p = {self.p}"
        for output, array in zip(outputs, (self.x, self.dy), strict=False):
            np.testing.assert_allclose(output, np.where(kept, array / (1 - self.p), 0), rtol=1e-6)

    def check_roofline(self, outputs: list[np.ndarray]) -> None:
        """Asserts `y = x * (1 - p)`."""
        np.testing.assert_allclose(outputs[0], self.x * (1 - self.p), rtol=1e-6)


@dataclass
class Pass:
    """A pass of a peer: call() does it, read(what call returned) are its results as arrays, check asserts them."""

    peer: str
    name: str  # "forward" or BOTH
    call: Callable[[], Any]
    read: Callable[[Any], list[np.ndarray]]
    check: Callable[[list[np.ndarray]], None]


class Call(ctypes.Structure):
    """`struct dropmask_call`."""

    _fields_ = [
        ("size", ctypes.c_size_t),
        ("key", ctypes.c_uint64),
        ("threshold", ctypes.c_uint64),
        ("offset", ctypes.c_uint64),
        ("scaling", ctypes.c_uint32),
        ("axes", ctypes.c_uint32),
        ("len", ctypes.c_size_t * 4),
        ("index", ctypes.c_uint64 * 4),
    ]


DROPMASK_STANDARD = 1


def dropmask(case: Case, library: ctypes.CDLL) -> Iterator[Pass]:
    """By its C library, which draws the mask again in backward, and its bound: `y = a * x`, dropout whose mask is free."""
    library.dropmask_key_new.restype = ctypes.c_uint64
    library.dropmask_call_flat.restype = Call
    x, dy, y, dx = (ctypes.c_void_p(array.ctypes.data) for array in (case.x, case.dy, case.y, case.dx))
    key, p, n = (
        ctypes.c_uint64(library.dropmask_key_new(ctypes.c_uint64(42))),
        ctypes.c_float(case.p),
        ctypes.c_size_t(case.n),
    )
    offset = ctypes.c_uint64(0)

    # made here once: to make them in each call is no part of dropout
    forward_arguments, backward_arguments = (key, p, offset, x, y, None, n), (key, p, offset, dy, dx, n)

    def forward() -> int:
        return library.dropmask_forward_f32(*forward_arguments)

    def both() -> int:
        return library.dropmask_forward_f32(*forward_arguments) | library.dropmask_backward_f32(*backward_arguments)

    call = library.dropmask_call_flat(n)
    call.scaling = DROPMASK_STANDARD
    assert library.dropmask_threshold(ctypes.c_double(case.p), ctypes.byref(call, Call.threshold.offset)) == 0
    roofline_arguments = (ctypes.byref(call), x, None, None, None, y, None)

    def roofline() -> int:
        return library.dropmask_dropout_evaluate_f32(*roofline_arguments)

    def outputs(status: int) -> list[np.ndarray]:
        assert status == 0
        return [case.y, case.dx]

    yield Pass("y = a * x", "forward", roofline, outputs, case.check_roofline)
    yield Pass("dropmask", "forward", forward, lambda status: outputs(status)[:1], case.check)
    yield Pass("dropmask", BOTH, both, outputs, case.check)


def numpy(case: Case) -> Iterator[Pass]:
    """With the fastest of its generators, into arrays at hand."""
    rng = np.random.Generator(np.random.SFC64(1))
    x, dy, y, dx, p, scale = case.x, case.dy, case.y, case.dx, np.float32(case.p), np.float32(1 / (1 - case.p))
    uniform, kept = np.empty_like(x), np.empty(case.n, np.bool_)

    def forward() -> None:
        rng.random(out=uniform, dtype=np.float32)
        np.greater_equal(uniform, p, out=kept)
        np.multiply(x, scale, out=y)
        np.multiply(y, kept, out=y)

    def both() -> None:
        forward()
        np.multiply(dy, scale, out=dx)
        np.multiply(dx, kept, out=dx)

    yield Pass("NumPy", "forward", forward, lambda _: [y], case.check)
    yield Pass("NumPy", BOTH, both, lambda _: [y, dx], case.check)


def pytorch(case: Case, compiled: Callable[[torch.Tensor, float], torch.Tensor]) -> Iterator[Pass]:
    """Its function, by itself and compiled."""
    x, dy = torch.from_numpy(case.x), torch.from_numpy(case.dy)
    leaf = x.clone().requires_grad_()

    def forward() -> torch.Tensor:
        with torch.no_grad():
            return F.dropout(x, case.p)

    def forward_compiled() -> torch.Tensor:
        with torch.no_grad():
            return compiled(x, case.p)

    def both() -> tuple[torch.Tensor, torch.Tensor]:
        y = F.dropout(leaf, case.p)
        return y.detach(), torch.autograd.grad(y, leaf, dy)[0]

    yield Pass("PyTorch", "forward", forward, lambda y: [y.numpy()], case.check)
    yield Pass("PyTorch", BOTH, both, lambda both: [result.numpy() for result in both], case.check)
    yield Pass("PyTorch, compiled", "forward", forward_compiled, lambda y: [y.numpy()], case.check)


def jax_flax(case: Case, implementation: str) -> Iterator[Pass]:
    """The layer of Flax, compiled by JAX, by the default generator, threefry2x32, or another.

    Of the five that it has, philox2x32 was the fastest on a CPU with AVX2.
    """
    key, x, dy = jax.random.key(1, impl=implementation), jax.numpy.asarray(case.x), jax.numpy.asarray(case.dy)
    layer = nn.Dropout(case.p, deterministic=False)

    def apply(key: jax.Array, x: jax.Array) -> jax.Array:
        return layer.apply({}, x, rngs={"dropout": key})

    def apply_both(key: jax.Array, x: jax.Array, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        y, pull = jax.vjp(lambda x: apply(key, x), x)
        return y, pull(dy)[0]

    forward, both = jax.jit(apply), jax.jit(apply_both)
    peer = f"JAX, {implementation}"
    yield Pass(peer, "forward", lambda: forward(key, x).block_until_ready(), lambda y: [np.asarray(y)], case.check)
    yield Pass(
        peer,
        BOTH,
        lambda: jax.block_until_ready(both(key, x, dy)),
        lambda both: [np.asarray(result) for result in both],
        case.check,
    )


def onnxruntime(case: Case) -> Iterator[Pass]:
    """A node `Dropout` in training mode, from and to arrays at hand. Its gradient is in no build for inference."""
    node = onnx.helper.make_node("Dropout", ["x", "ratio", "training"], ["y"], seed=1)
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [case.n]) for name in "xy")
    constants = [
        onnx.numpy_helper.from_array(np.float32(case.p), "ratio"),
        onnx.numpy_helper.from_array(np.bool_(True), "training"),
    ]
    graph = onnx.helper.make_graph([node], "dropout", [x], [y], constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=9)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    binding.bind_input("x", "cpu", 0, np.float32, [case.n], case.x.ctypes.data)
    binding.bind_output("y", "cpu", 0, np.float32, [case.n], case.y.ctypes.data)
    yield Pass("ONNX Runtime", "forward", lambda: session.run_with_iobinding(binding), lambda _: [case.y], case.check)
