"""What PyTorch, JAX and ONNX Runtime were seen to do on the CPU, for `benches/records/2026-11-28-guarantees.md`.

Run as `python guarantees.py`, in an environment with `requirements.txt`. Each line is an observation, printed as seen.
"""

import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"  # so that JAX can split a mask

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime as ort
import torch
import torch.nn.functional as F
from onnxruntime.capi.onnxruntime_pybind11_state import Fail

N = 1 << 20
DRAWS = 1 << 26
SEED = 7
MULTIPLIER, MODULUS = 16807, 2**31 - 1  # of minstd_rand0


def minstd(seed: int, n: int) -> np.ndarray:
    """`u[i] = (seed * 16807**(i + 1) % (2**31 - 1) - 1) / (2**31 - 2)`: n floats in [0, 1]."""
    states = np.empty(n, np.float32)
    for i in range(n):
        seed = seed * MULTIPLIER % MODULUS
        states[i] = seed - 1
    return states / np.float32(MODULUS - 1)


def observe_torch() -> None:
    def kept(n: int, p: float = 0.1) -> torch.Tensor:
        torch.manual_seed(SEED)
        return F.dropout(torch.ones(n), p) != 0

    torch.set_num_threads(1)
    one = kept(N)
    torch.set_num_threads(2)
    print("same mask with 1 and 2 threads:", torch.equal(one, kept(N)))
    print("a shorter mask is the beginning of a longer one:", torch.equal(one[:1000], kept(1000)))
    torch.manual_seed(SEED)
    serial = torch.bernoulli(torch.full((N,), 0.9, dtype=torch.double)) != 0
    print("the mask is that of MT19937, one double an element:", torch.equal(one, serial))
    few = torch.empty(DRAWS, dtype=torch.int32)
    print(f"p = 1 - 2^-25: kept {int(few.bernoulli_(2.0**-25).sum())} of {DRAWS}, expected {DRAWS * 2**-25:.0f}")
    x = torch.full((1000,), torch.inf, requires_grad=True)
    y = F.dropout(x, 0.5)
    print("elements of infinity become", sorted({str(v) for v in y.detach().numpy()}))
    y = F.dropout(torch.ones(1000, requires_grad=True), 0.5)
    saved = y.grad_fn._saved_other
    print("kept for backward:", saved.dtype, "of", saved.numel(), "elements")
    (dx,) = torch.autograd.grad(F.dropout(x, 0.5), x, torch.full((1000,), torch.inf))
    print("gradients of infinity become", sorted({str(v) for v in dx.numpy()}))


def observe_jax() -> None:
    key = jax.random.key(SEED)
    whole = jax.random.bernoulli(key, 0.9, (N,))
    mesh = jax.make_mesh((2,), ("x",))
    sharding = jax.NamedSharding(mesh, jax.P("x"))
    split = jax.jit(lambda k: jax.random.bernoulli(k, 0.9, (N,)), out_shardings=sharding)(key)
    print("same mask on 1 and 2 devices:", bool((np.asarray(whole) == np.asarray(split)).all()))
    print(
        "a shorter mask is the beginning of a longer one:",
        bool((jax.random.bernoulli(key, 0.9, (1000,)) == whole[:1000]).all()),
    )
    part = jax.jit(lambda k: jax.random.bernoulli(k, 0.9, (1 << 34,))[-1000:])
    stats = part.lower(key).compile().memory_analysis()
    print("memory of the last 1000 of 2^34 elements, compiled:", stats.temp_size_in_bytes, "bytes")
    for p in (1 - 2.0**-25, 1e-9):
        kept = int(jax.random.bernoulli(key, 1 - p, (DRAWS,)).sum())
        print(f"p = {p}: kept {kept} of {DRAWS}, expected {DRAWS * (1 - p):.1f}")
    layer = nn.Dropout(0.5, deterministic=False)

    def f(x: jax.Array) -> jax.Array:
        return layer.apply({}, x, rngs={"dropout": key})

    infinite = jnp.full(1000, jnp.inf)
    _, pull = jax.vjp(f, jnp.ones(1000))
    print("elements of infinity become", sorted({str(v) for v in np.asarray(f(infinite))}))
    print("gradients of infinity become", sorted({str(v) for v in np.asarray(pull(infinite)[0])}))
    saved = [(v.dtype.name, v.size) for v in jax.tree.leaves(pull)]
    print("kept for backward:", saved)
    _, pull = jax.vjp(jax.checkpoint(f), jnp.ones(1000))
    print("kept for backward under jax.checkpoint:", [(v.dtype.name, v.size) for v in jax.tree.leaves(pull)])


def observe_onnxruntime() -> None:
    def run(x: np.ndarray, ratio: float, threads: int = 1) -> list[np.ndarray]:
        node = onnx.helper.make_node("Dropout", ["x", "ratio", "training"], ["y", "mask"], seed=SEED)
        values = {"x": onnx.TensorProto.FLOAT, "y": onnx.TensorProto.FLOAT, "mask": onnx.TensorProto.BOOL}
        infos = {name: onnx.helper.make_tensor_value_info(name, kind, ["n"]) for name, kind in values.items()}
        constants = [
            onnx.numpy_helper.from_array(np.float32(ratio), "ratio"),
            onnx.numpy_helper.from_array(np.bool_(True), "training"),
        ]
        graph = onnx.helper.make_graph([node], "dropout", [infos["x"]], [infos["y"], infos["mask"]], constants)
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=9)
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 4
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return session.run(None, {"x": x})

    _, mask = run(np.ones(N, np.float32), 0.1)
    print("same mask with 1 and 2 threads:", np.array_equal(mask, run(np.ones(N, np.float32), 0.1, 2)[1]))
    print("mask:", mask.dtype, mask.itemsize, "byte an element")
    by_hand = minstd(SEED, 1000) >= np.float32(0.1)
    print("the mask is that of minstd_rand0, one float an element:", np.array_equal(by_hand, mask[:1000]))
    dropped = DRAWS - int(run(np.ones(DRAWS, np.float32), 1e-9)[1].sum())
    print(f"p = 1e-9: dropped {dropped} of {DRAWS}")
    try:
        run(np.ones(1, np.float32), 1 - 2.0**-25)
    except Fail as error:
        print("p = 1 - 2^-25:", str(error).rpartition(") ")[2].strip())
    y, _ = run(np.full(1000, np.inf, np.float32), 0.5)
    print("elements of infinity become", sorted({str(v) for v in y}))


if __name__ == "__main__":
    for name, version, observe in [
        ("PyTorch", torch.__version__, observe_torch),
        ("JAX", jax.__version__, observe_jax),
        ("ONNX Runtime", ort.__version__, observe_onnxruntime),
    ]:
        print(f"## {name} {version}")
        observe()
