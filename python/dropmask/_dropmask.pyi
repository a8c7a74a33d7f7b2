# What each does, with its formula, is in the docstrings that `help` shows.
from collections.abc import Sequence
from typing import Final, Literal, SupportsIndex, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

_Floats: TypeAlias = NDArray[np.float32]
_Words: TypeAlias = NDArray[np.uint64]
_Tokens: TypeAlias = NDArray[np.uint32]
_Doubles: TypeAlias = NDArray[np.float64]
_Shape: TypeAlias = SupportsIndex | Sequence[SupportsIndex]
_Scaling: TypeAlias = Literal["inverted", "standard", "naive"]

__all__ = [
    "MASK_STREAM_VERSION",
    "AlphaDropout",
    "AttentionDropout",
    "BiasDropout",
    "ClassMoments",
    "Cutout",
    "DropBlock",
    "DropConnect",
    "Dropout",
    "EmbeddingDropout",
    "Key",
    "Moments",
    "ReluDropout",
    "Select",
    "__version__",
    "level",
]

MASK_STREAM_VERSION: Final[int]
__version__: Final[str]

def level() -> str: ...

@final
class Key:
    def __new__(cls, seed: SupportsIndex) -> Key: ...
    @staticmethod
    def from_raw(raw: SupportsIndex) -> Key: ...
    def derive(self, *steps: SupportsIndex) -> Key: ...
    @property
    def raw(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Dropout:
    def __new__(
        cls,
        key: Key,
        p: float,
        *,
        offset: SupportsIndex | None = None,
        scaling: _Scaling = "inverted",
        shared: _Shape | None = None,
        threads: SupportsIndex | None = None,
    ) -> Dropout: ...
    def derive(self, *steps: SupportsIndex) -> Dropout: ...
    def part(self, whole: _Shape, start: _Shape) -> Dropout: ...
    def forward(
        self,
        x: _Floats,
        *,
        out: _Floats | None = None,
        residual: _Floats | None = None,
        mask: _Words | None = None,
    ) -> _Floats: ...
    def backward(self, dy: _Floats, *, out: _Floats | None = None, residual: _Floats | None = None) -> _Floats: ...
    def apply(
        self, mask: _Words, x: _Floats, *, out: _Floats | None = None, residual: _Floats | None = None
    ) -> _Floats: ...
    def evaluate(self, x: _Floats, *, out: _Floats | None = None, residual: _Floats | None = None) -> _Floats: ...
    def fill(self, shape: _Shape, *, out: _Words | None = None) -> _Words: ...
    def fill_bool(self, shape: _Shape) -> NDArray[np.bool_]: ...
    def fill_u8(self, shape: _Shape) -> NDArray[np.uint8]: ...
    def words(self, shape: _Shape) -> int: ...
    @property
    def key(self) -> Key: ...
    @property
    def p(self) -> float: ...
    @property
    def threshold(self) -> int: ...
    @property
    def scale(self) -> float: ...
    @property
    def keep(self) -> float: ...
    @property
    def offset(self) -> int: ...
    @property
    def scaling(self) -> _Scaling: ...
    @property
    def shared(self) -> tuple[int, ...]: ...
    @property
    def threads(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class AttentionDropout:
    def __new__(
        cls,
        dropout: Dropout,
        *,
        factor: float = 1.0,
        past: SupportsIndex | None = None,
        renormalise: bool = False,
    ) -> AttentionDropout: ...
    def forward(
        self,
        scores: _Floats,
        *,
        bias: _Floats | None = None,
        out: _Floats | None = None,
        mask: _Words | None = None,
        softmax: _Floats | None = None,
    ) -> _Floats: ...
    def backward(
        self,
        scores: _Floats,
        dweights: _Floats,
        *,
        bias: _Floats | None = None,
        out: _Floats | None = None,
        mask: _Words | None = None,
    ) -> _Floats: ...
    def backward_softmax(
        self,
        softmax: _Floats,
        dweights: _Floats,
        *,
        out: _Floats | None = None,
        mask: _Words | None = None,
        accumulate: bool = False,
    ) -> _Floats: ...
    def evaluate(self, scores: _Floats, *, bias: _Floats | None = None, out: _Floats | None = None) -> _Floats: ...

@final
class ReluDropout:
    def __new__(cls, dropout: Dropout) -> ReluDropout: ...
    def forward(self, x: _Floats, mask: _Words, *, out: _Floats | None = None) -> _Floats: ...
    def backward(
        self,
        dy: _Floats,
        mask: _Words,
        *,
        out: _Floats | None = None,
        residual: _Floats | None = None,
    ) -> _Floats: ...
    def evaluate(self, x: _Floats, *, out: _Floats | None = None) -> _Floats: ...

@final
class BiasDropout:
    def __new__(cls, dropout: Dropout) -> BiasDropout: ...
    def forward(
        self, x: _Floats, bias: _Floats, *, out: _Floats | None = None, residual: _Floats | None = None
    ) -> _Floats: ...
    def backward(
        self,
        dy: _Floats,
        *,
        out: _Floats | None = None,
        residual: _Floats | None = None,
        dbias: _Floats | None = None,
    ) -> tuple[_Floats, _Floats]: ...
    def evaluate(
        self, x: _Floats, bias: _Floats, *, out: _Floats | None = None, residual: _Floats | None = None
    ) -> _Floats: ...

@final
class AlphaDropout:
    def __new__(cls, dropout: Dropout) -> AlphaDropout: ...
    def forward(self, x: _Floats, *, out: _Floats | None = None) -> _Floats: ...
    def backward(self, dy: _Floats, *, out: _Floats | None = None, residual: _Floats | None = None) -> _Floats: ...
    def evaluate(self, x: _Floats, *, out: _Floats | None = None) -> _Floats: ...

@final
class Select:
    def __new__(cls, dropout: Dropout) -> Select: ...
    def forward(self, a: _Floats, b: _Floats, *, out: _Floats | None = None, mask: _Words | None = None) -> _Floats: ...
    def backward(self, dy: _Floats, *, mask: _Words | None = None) -> tuple[_Floats, _Floats]: ...
    def evaluate(self, a: _Floats, b: _Floats, *, out: _Floats | None = None) -> _Floats: ...

@final
class DropBlock:
    def __new__(cls, dropout: Dropout, block: SupportsIndex, *, gamma_scale: float = 1.0) -> DropBlock: ...
    def forward(self, x: _Floats, *, out: _Floats | None = None, mask: _Words | None = None) -> tuple[_Floats, int]: ...
    def backward(
        self,
        dy: _Floats,
        kept: SupportsIndex,
        *,
        out: _Floats | None = None,
        mask: _Words | None = None,
        total: SupportsIndex | None = None,
        accumulate: bool = False,
    ) -> _Floats: ...
    def fill(self, shape: _Shape, *, out: _Words | None = None) -> tuple[_Words, int]: ...
    def gamma(self, shape: _Shape) -> tuple[int, int]: ...

@final
class DropConnect:
    def __new__(
        cls, dropout: Dropout, *, per_sample: bool = False, first_sample: SupportsIndex | None = None
    ) -> DropConnect: ...
    def forward(
        self,
        x: _Floats,
        weights: _Floats,
        bias: _Floats | None = None,
        *,
        out: _Floats | None = None,
        mask: _Words | None = None,
    ) -> _Floats: ...
    def backward_input(
        self,
        weights: _Floats,
        dy: _Floats,
        *,
        out: _Floats | None = None,
        mask: _Words | None = None,
        accumulate: bool = False,
    ) -> _Floats: ...
    def backward_weights(
        self,
        x: _Floats,
        dy: _Floats,
        *,
        out: _Floats | None = None,
        mask: _Words | None = None,
        accumulate: bool = False,
    ) -> _Floats: ...
    @staticmethod
    def backward_bias(dy: _Floats, *, out: _Floats | None = None) -> _Floats: ...
    def evaluate(
        self, x: _Floats, weights: _Floats, bias: _Floats | None = None, *, out: _Floats | None = None
    ) -> _Floats: ...
    def moments(self, x: _Floats, weights: _Floats, bias: _Floats | None = None) -> tuple[_Floats, _Floats]: ...

@final
class EmbeddingDropout:
    def __new__(cls, dropout: Dropout) -> EmbeddingDropout: ...
    def lookup(
        self, ids: _Tokens, table: _Floats, *, out: _Floats | None = None, mask: _Words | None = None
    ) -> _Floats: ...
    def forward(
        self,
        ids: _Tokens,
        x: _Floats,
        vocabulary: SupportsIndex,
        *,
        out: _Floats | None = None,
        mask: _Words | None = None,
        accumulate: bool = False,
    ) -> _Floats: ...
    def backward_table(self, ids: _Tokens, dy: _Floats, dtable: _Floats, *, mask: _Words | None = None) -> _Floats: ...

@final
class Cutout:
    def __new__(cls, key: Key, boxes: SupportsIndex, box_height: SupportsIndex, box_width: SupportsIndex) -> Cutout: ...
    def forward(
        self,
        x: _Floats,
        *,
        first_sample: SupportsIndex | None = None,
        out: _Floats | None = None,
        accumulate: bool = False,
    ) -> _Floats: ...
    def boxes(self, sample: SupportsIndex, height: SupportsIndex, width: SupportsIndex) -> NDArray[np.intp]: ...

@final
class Moments:
    def __new__(cls) -> Moments: ...
    def push(self, y: _Floats) -> None: ...
    @property
    def passes(self) -> int: ...
    @property
    def mean(self) -> _Doubles: ...
    def variance(self, ddof: SupportsIndex | None = None) -> _Doubles: ...

@final
class ClassMoments:
    def __new__(cls) -> ClassMoments: ...
    def push(self, p: _Floats) -> None: ...
    @property
    def passes(self) -> int: ...
    @property
    def mean(self) -> _Doubles: ...
    @property
    def entropy(self) -> _Doubles: ...
    def predictive_entropy(self) -> _Doubles: ...
    def mutual_information(self) -> _Doubles: ...
