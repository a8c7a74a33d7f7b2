"""Keys of masks: from the training loop, or from torch's generator."""

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from dropmask import Key

# of the thread, or of the task of asyncio; torch.compile reads it as an input of the graph
entered: ContextVar[Tensor | None] = ContextVar("dropmask.torch.step", default=None)


@contextmanager
def step(*numbers: int) -> Iterator[None]:
    """Within it, modules with a key have the masks of this step.

    Key of the masks: key_of_the_module.derive(*numbers). Steps within a step derive further: `with step(3): with step(1):` is
    `with step(3, 1):`. Backward belongs within it where torch.utils.checkpoint computes the forward pass again.

    Errors: TypeError or ValueError where a number is not an integer from 0 to 2**63 - 1, or there is none.
    """
    whole = [operator.index(number) for number in numbers]
    if not whole or not all(0 <= number < 2**63 for number in whole):
        raise ValueError(f"step is {numbers}, not one number or more from 0 to 2**63 - 1")
    before = entered.get()
    steps = torch.tensor(whole, dtype=torch.int64, device="cpu")
    token = entered.set(steps if before is None else torch.cat((before, steps)))
    try:
        yield
    finally:
        entered.reset(token)


def key_tensor(key: Key | Tensor | None) -> Tensor:
    """A key as a tensor, the raw value of a key and steps below it, for an input of a compiled or exported graph.

    None draws one from torch's default generator, a tensor is checked and returned.

    Errors: TypeError where a tensor is not an int64 vector on the CPU.
    """
    if key is None:
        return torch.randint(2**63 - 1, (1,), device="cpu")
    if isinstance(key, Key):
        signed = (key.raw + 2**63) % 2**64 - 2**63
        return torch.tensor([signed], dtype=torch.int64, device="cpu")
    if (
        not isinstance(key, Tensor)
        or (key.dtype, key.dim(), key.device.type) != (torch.int64, 1, "cpu")
        or not len(key)
    ):
        raise TypeError(
            f"mask_key is {key!r}, not a dropmask.Key, or an int64 vector on the CPU of a raw key and steps"
        )
    return key
