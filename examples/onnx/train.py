"""Trains a 64-128-64-10 network with dropout on the first 1,000 of the digits, and writes it as digits.onnx.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python train.py

It trains with the probabilities that its Dropout nodes carry, which stay in training mode: Monte-Carlo dropout.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZES = [64, 128, 64, 10]
RATIOS = [0.2, 0.5]  # of the dropout behind each hidden layer
TRAINING_ROWS, EPOCHS, BATCH, RATE, MOMENTUM = 1000, 100, 32, 0.05, 0.9

HERE = Path(__file__).parent


def forward(weights, x, factors):
    """The inputs of each layer, and the class probabilities; each factor is 0 or 1 / (1 - ratio)."""
    inputs = [x]
    for (w, b), factor in zip(weights, factors):
        inputs.append(np.maximum(inputs[-1] @ w + b, 0) * factor)
    w, b = weights[-1]
    logits = inputs[-1] @ w + b
    e = np.exp(logits - logits.max(1, keepdims=True))
    return inputs, e / e.sum(1, keepdims=True)


def gradients(weights, x, labels, factors):
    inputs, p = forward(weights, x, factors)
    delta = (p - np.eye(SIZES[-1], dtype=np.float32)[labels]) / np.float32(len(x))
    out = []
    for layer in reversed(range(len(weights))):
        out.insert(0, (inputs[layer].T @ delta, delta.sum(0)))
        if layer > 0:
            delta = delta @ weights[layer][0].T * factors[layer - 1] * (inputs[layer] > 0)
    return out


def train(x, labels):
    rng = np.random.default_rng(0)
    shapes = list(zip(SIZES, SIZES[1:]))
    weights = [((rng.standard_normal(s) * np.sqrt(2 / s[0])).astype(np.float32), np.zeros(s[1], np.float32)) for s in shapes]
    speeds = [[np.zeros_like(array) for array in pair] for pair in weights]
    for _ in range(EPOCHS):
        order = rng.permutation(len(x))
        for start in range(0, len(x), BATCH):
            rows = order[start : start + BATCH]
            factors = [
                ((rng.random((len(rows), size)) >= ratio) / (1 - ratio)).astype(np.float32)
                for size, ratio in zip(SIZES[1:], RATIOS)
            ]
            for pair, speed, gradient in zip(weights, speeds, gradients(weights, x[rows], labels[rows], factors)):
                for array, v, g in zip(pair, speed, gradient):
                    v *= MOMENTUM
                    v -= np.float32(RATE) * g
                    array += v
    return weights


def graph(weights):
    nodes, x = [], "x"
    initializers = [numpy_helper.from_array(np.bool_(True), "training_mode")]
    for layer, (w, b) in enumerate(weights, 1):
        initializers += [numpy_helper.from_array(w, f"w{layer}"), numpy_helper.from_array(b, f"b{layer}")]
        nodes.append(helper.make_node("Gemm", [x, f"w{layer}", f"b{layer}"], [f"z{layer}"], f"gemm{layer}"))
        if layer < len(weights):
            ratio = np.float32(RATIOS[layer - 1])
            initializers.append(numpy_helper.from_array(ratio, f"ratio{layer}"))
            nodes.append(helper.make_node("Relu", [f"z{layer}"], [f"h{layer}"], f"relu{layer}"))
            x = f"d{layer}"
            inputs = [f"h{layer}", f"ratio{layer}", "training_mode"]
            nodes.append(helper.make_node("Dropout", inputs, [x], f"dropout{layer}"))
    nodes.append(helper.make_node("Softmax", [f"z{len(weights)}"], ["p"], "softmax", axis=1))
    tensor = lambda name, size: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size])
    return helper.make_graph(nodes, "digits", [tensor("x", SIZES[0])], [tensor("p", SIZES[-1])], initializers)


def main():
    table = np.loadtxt(HERE / "../data/digits.csv", np.float32, delimiter=",")
    x, labels = table[:, :64] / np.float32(16), table[:, 64].astype(int)
    weights = train(x[:TRAINING_ROWS], labels[:TRAINING_ROWS])
    right = forward(weights, x, [np.float32(1)] * len(RATIOS))[1].argmax(1) == labels
    print(f"right without dropout: {right[:TRAINING_ROWS].mean():.1%} of the {TRAINING_ROWS:,} rows for training, "
          f"{right[TRAINING_ROWS:].mean():.1%} of the {len(x) - TRAINING_ROWS} others")
    model = helper.make_model(graph(weights), opset_imports=[helper.make_opsetid("", 13)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, HERE / "digits.onnx")


if __name__ == "__main__":
    main()
