"""Runs the dropout tests of a checkout of PyTorch, torchvision, timm or Keras with dropmask in the place of their functions.

    python upstream.py torch|vision|timm|keras PATH [arguments of pytest]

From the checkout come the tests, and timm and Keras themselves; torch and torchvision are the installed ones. KERAS_BACKEND
names the backend of Keras. The last lines say of how many tests dropmask had a part: others pass without it.
"""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

calls: list[str] = []


def replace(module: ModuleType, name: str, function: Callable) -> None:
    """module.name is function from here on, and its calls are counted."""

    def counted(*args, **kwargs):
        calls.append(name)
        return function(*args, **kwargs)

    getattr(module, name)  # an error where upstream has another name by now
    setattr(module, name, counted)


def torch() -> None:
    from torch import nn

    import dropmask.torch as ours

    ours.functional.F = SimpleNamespace(**vars(nn.functional))  # it has torch check the arguments
    for name in set(ours.__all__) & set(vars(nn.functional)):
        replace(ours.functional, name, getattr(ours.functional, name))  # also where the modules call it
        setattr(nn.functional, name, getattr(ours.functional, name))
    for name in set(ours.__all__) & set(vars(nn)):
        setattr(nn, name, getattr(ours, name))


def vision() -> None:
    import dropmask.torch as ours

    def stochastic_depth(input, p, mode, training=True):
        return ours.drop_path(input, p, training) if mode == "row" else ours.drop_path(input[None], p, training)[0]

    replace(importlib.import_module("torchvision.ops.stochastic_depth"), "stochastic_depth", stochastic_depth)
    replace(importlib.import_module("torchvision.ops.drop_block"), "drop_block2d", ours.drop_block2d)


def timm() -> None:
    import timm.layers.drop

    import dropmask.torch as ours

    def drop_block_2d(
        x,
        drop_prob,
        block_size=7,
        gamma_scale=1.0,
        with_noise=False,
        inplace=False,
        couple_channels=True,
        scale_by_keep=True,
    ):
        if with_noise or not scale_by_keep:
            raise NotImplementedError("dropmask.torch has no DropBlock with noise, and none without a scale")
        return ours.drop_block2d(x, drop_prob * gamma_scale, block_size, inplace, couple_channels=couple_channels)

    replace(timm.layers.drop, "drop_path", ours.drop_path)
    replace(timm.layers.drop, "drop_block_2d", drop_block_2d)


def keras() -> None:
    sys.path.append(str(Path(__file__).parents[1] / "examples"))
    import keras
    import keras_dropout

    replace(keras_dropout, "_run", keras_dropout._run)
    for name in ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout"):
        setattr(keras.layers, name, getattr(keras_dropout, name))
        setattr(keras.src.layers, name, getattr(keras_dropout, name))


FOLDER = "keras/src/layers/regularization/"
# what replaces the functions; the files of tests; which tests of them; whether the package of the checkout is imported
FRAMEWORKS = {
    "torch": (torch, ["test/nn/test_dropout.py"], "", False),
    "vision": (vision, ["test/test_ops.py"], "StochasticDepth or DropBlock", False),
    "timm": (timm, ["tests/test_layers_drop.py"], "", True),
    "keras": (keras, [FOLDER + f"{name}dropout_test.py" for name in ("", "spatial_", "alpha_")], "", True),
}


class Parts:
    """The plugin of pytest that counts the tests in which dropmask was called."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        before = len(calls)
        try:
            return (yield)
        finally:
            item.user_properties.append(("dropmask", len(calls) - before))

    def pytest_terminal_summary(self, terminalreporter):
        for outcome in ("passed", "failed"):
            reports = [r for r in terminalreporter.stats.get(outcome, []) if r.when == "call"]
            parts = sum(dict(report.user_properties)["dropmask"] > 0 for report in reports)
            terminalreporter.write_line(f"{outcome}: {len(reports)}, dropmask called in {parts}")


def main(framework: str, checkout: str, *arguments: str) -> int:
    patch, files, select, imported = FRAMEWORKS[framework]
    root = Path(checkout).resolve()
    if imported:
        sys.path.insert(0, str(root))
    patch()
    files = [str(root / file) for file in files]
    options = ["-q", "-p", "no:cacheprovider", f"--rootdir={root}", "-k", select]
    return pytest.main([*files, *options, *arguments], plugins=[Parts()])


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in FRAMEWORKS:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
