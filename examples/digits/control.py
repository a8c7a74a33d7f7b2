"""The control of the example: the same networks in NumPy, with NumPy's own dropout.

    python3 examples/digits/control.py           # prints the table of the example, and writes control.csv beside this
    python3 examples/digits/control.py search    # prints the gains by which the recipe was chosen, on seeds of its own

Data, network, recipe and number of seeds are those of `cargo run --release --example digits`, which reads control.csv.
The random numbers are NumPy's, so that accuracies agree within their intervals and not to the digit.
"""

import csv
import sys
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
CLASSES = 10
EPOCHS, EVALUATE_EVERY, BATCH, LEARNING_RATE, MOMENTUM = 60, 5, 32, 0.05, 0.9
SEEDS, SEARCH_SEEDS = range(12), range(1000, 1006)
STUDENT_T = 2.201  # 97.5 % of Student's t with len(SEEDS) - 1 degrees of freedom


class Recipe(NamedTuple):
    """Images for training, how many of them have a wrong label, and units of the hidden layer."""

    rows: int
    wrong: int
    hidden: int


RECIPE, DROP = Recipe(rows=400, wrong=120, hidden=256), 0.7

Array = NDArray[np.float32]
Labels = NDArray[np.int64]
Parameters = list[Array]


def load() -> tuple[Array, Labels]:
    """All images, (n, 64) in 0..1, and their digits, (n,)."""
    table = np.loadtxt(HERE.parent / "data" / "digits.csv", delimiter=",", dtype=np.int64)
    return (table[:, :-1] / 16).astype(np.float32), table[:, -1]


def dense(inputs: int, outputs: int, rng: np.random.Generator) -> Parameters:
    """Weights (inputs, outputs) of variance `2 / inputs`, and biases (outputs,) of 0."""
    bound = (6 / inputs) ** 0.5
    return [rng.uniform(-bound, bound, (inputs, outputs)).astype(np.float32), np.zeros(outputs, np.float32)]


def dropout(shape: tuple[int, ...], p: float, rng: np.random.Generator) -> Array:
    """What inverted dropout multiplies with: `(rng.random(shape) >= p) / (1 - p)`."""
    return (rng.random(shape) >= p).astype(np.float32) / np.float32(1 - p)


def softmax(logits: Array) -> Array:
    """Of each row: `exp(z) / sum(exp(z))`."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def gradient(network: Parameters, x: Array, labels: Labels, factor: Array) -> Parameters:
    """The gradient of the mean cross-entropy; `factor`, (rows, hidden), multiplies the hidden activations."""
    w1, b1, w2, b2 = network
    z = x @ w1 + b1
    hidden = np.maximum(z, 0) * factor
    d_logits = softmax(hidden @ w2 + b2)
    d_logits[np.arange(len(x)), labels] -= 1
    d_logits /= len(x)
    d_z = d_logits @ w2.T * factor * (z > 0)
    return [x.T @ d_z, d_z.sum(axis=0), hidden.T @ d_logits, d_logits.sum(axis=0)]


def accuracy(network: Parameters, x: Array, labels: Labels) -> float:
    """In evaluation, in percent."""
    w1, b1, w2, b2 = network
    answers = (np.maximum(x @ w1 + b1, 0) @ w2 + b2).argmax(axis=1)
    return 100 * float((answers == labels).mean())


def train(x: Array, labels: Labels, recipe: Recipe, p: float, seed: int) -> NDArray[np.float64]:
    """Rows of epoch and accuracy on the training rows (with their wrong labels) and on the test rows, in percent.

    The seed fixes rows, wrong labels, weights and batches, whatever p is.
    """
    rows, wrong, hidden = recipe
    rng, masks = (np.random.default_rng([seed, stream]) for stream in range(2))
    order = rng.permutation(len(x))
    train_rows, test_rows = order[:rows], order[rows:]
    x_train, noisy = x[train_rows], labels[train_rows]
    noisy[:wrong] = (noisy[:wrong] + rng.integers(1, CLASSES, wrong)) % CLASSES
    network = dense(x.shape[1], hidden, rng) + dense(hidden, CLASSES, rng)
    velocity = [np.zeros_like(w) for w in network]
    curve = []
    for epoch in range(1, EPOCHS + 1):
        shuffled = rng.permutation(rows)
        for start in range(0, rows, BATCH):
            batch = shuffled[start : start + BATCH]
            factor = dropout((len(batch), hidden), p, masks)
            for w, v, g in zip(network, velocity, gradient(network, x_train[batch], noisy[batch], factor)):
                v *= np.float32(MOMENTUM)
                v -= np.float32(LEARNING_RATE) * g
                w += v
        if epoch % EVALUATE_EVERY == 0:
            test = accuracy(network, x[test_rows], labels[test_rows])
            curve.append((epoch, accuracy(network, x_train, noisy), test))
    return np.array(curve)


def interval(values: NDArray[np.float64]) -> str:
    """The 95 % confidence interval of the mean of one value a seed, (seeds,)."""
    return f"{values.mean():.1f} ± {STUDENT_T * values.std(ddof=1) / len(SEEDS) ** 0.5:.1f}"


def control() -> None:
    """Prints the table, and writes all accuracies."""
    x, labels = load()
    curves = {p: np.array([train(x, labels, RECIPE, p, seed) for seed in SEEDS]) for p in (0.0, DROP)}
    print(f"{'':22}{'labels learnt, %':>16}{'test accuracy, %':>20}{'gain, points':>16}")
    for p, curve in curves.items():
        _, trained, tested = curve[:, -1].T
        gain = interval(tested - curves[0.0][:, -1, 2]) if p else ""
        name = f"p = {p}, NumPy" if p else "no dropout, NumPy"
        print(f"{name:22}{trained.mean():>16.1f}{interval(tested):>20}{gain:>16}")
    with (HERE / "control.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["p", "seed", "epoch", "train", "test"])
        for p, curve in curves.items():
            for seed, epochs in zip(SEEDS, curve):
                writer.writerows([p, seed, int(epoch), f"{a:.2f}", f"{b:.3f}"] for epoch, a, b in epochs)


def search() -> None:
    """Prints mean and standard deviation of the gain for each setting."""
    x, labels = load()
    print("| rows | wrong labels | hidden units | p | gain | deviation |\n|---|---|---|---|---|---|")
    for rows, wrong, hidden in product((200, 400), (0.0, 0.2, 0.3), (256, 512)):
        recipe = Recipe(rows, round(rows * wrong), hidden)
        without, *others = (
            np.array([train(x, labels, recipe, p, seed)[-1, 2] for seed in SEARCH_SEEDS]) for p in (0.0, 0.5, 0.7)
        )
        for p, tested in zip((0.5, 0.7), others):
            gain = tested - without
            print(
                f"| {rows} | {recipe.wrong} | {hidden} | {p} | {gain.mean():+.1f} | {gain.std(ddof=1):.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            control()
        case ["search"]:
            search()
        case other:
            sys.exit(f"control.py takes nothing or `search`, not {other}")
