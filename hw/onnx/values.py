"""What the tensors of a quantised ONNX graph are, while it is read."""

from dataclasses import dataclass, replace

import numpy as np

from hw.onnx.terms import Source, Terms

Shape = tuple[int, int, int]
Edges = tuple[int, int, int, int]
NO_PADDING = (0, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class Constant:
    """Numbers of the file."""

    array: np.ndarray

    @property
    def real(self) -> np.ndarray:
        """The numbers as float64."""
        return self.array.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Levels:
    """Numbers of the file that are whole multiples of a step.

    Parameters
    ----------
    codes : int64 array
    step : float64 array
        Of as many axes; each is as long as that of `codes`, or 1.
    """

    codes: np.ndarray
    step: np.ndarray

    @property
    def real(self) -> np.ndarray:
        """The numbers as float64."""
        return self.codes * self.step

    def transposed(self, order: tuple[int, ...]) -> "Levels":
        """Exchange axes."""
        return Levels(self.codes.transpose(order), self.step.transpose(order))


@dataclass(frozen=True)
class Grid:
    """The numbers that a quantiser leaves: whole multiples of a step, in a range.

    Parameters
    ----------
    step : float
        Real value of one.
    low, high : int
        Smallest and largest multiple.
    zero : int
        What a code is above its multiple.
    """

    step: float
    low: int
    high: int
    zero: int = 0


@dataclass(frozen=True)
class Picture:
    """What enters, before it is quantised."""

    name: str
    shape: Shape
    flat: bool


@dataclass(frozen=True)
class Map:
    """What a layer of the network produces, as real numbers.

    Parameters
    ----------
    layer : str
        Name of the layer.
    shape : (C, H, W)
        Without padding.
    step : float
        Real value of one.
    low, high : int
        Range of its elements; zero is in it.
    bits, signed :
        Format of its elements.
    padding : (top, bottom, left, right)
        Zeros that have been put around it.
    flat : bool
        Whether the model has it as (N, C * H * W).
    """

    layer: str
    shape: Shape
    step: float
    low: int
    high: int
    bits: int
    signed: bool
    padding: Edges = NO_PADDING
    flat: bool = False

    @property
    def bare(self) -> "Map":
        """The map without padding."""
        return replace(self, padding=NO_PADDING)

    @property
    def source(self) -> Source:
        """The map as terms take it."""
        return Source(self.layer, self.step, self.low, self.high)


@dataclass(frozen=True)
class Pool:
    """Max pooling, of what is not yet quantised."""

    name: str
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: Edges


@dataclass(frozen=True, eq=False)
class Sum:
    """What a layer is going to produce as soon as a quantiser says how to round it.

    Parameters
    ----------
    name : str
        Of the operator that adds up.
    terms : Terms
        What is added up.
    shape : (C, H, W)
        Of the result, pooling included.
    low, high : float
        Limits of an activation function.
    pools : tuple of Pool
        What follows the rounding.
    flat : bool
        Whether the model has it as (N, C).
    """

    name: str
    terms: Terms
    shape: Shape
    low: float = -np.inf
    high: float = np.inf
    pools: tuple[Pool, ...] = ()
    flat: bool = False

    @property
    def plain(self) -> bool:
        """Whether neither an activation function nor pooling came behind it."""
        return not self.pools and (self.low, self.high) == (-np.inf, np.inf)


@dataclass(frozen=True, eq=False)
class Together:
    """Channels of several maps one after the other."""

    name: str
    maps: tuple[Map, ...]
    shape: Shape
    flat: bool = False

    @property
    def alike(self) -> bool:
        """Whether all are of one format."""
        return len({(m.step, m.bits, m.signed) for m in self.maps}) == 1


@dataclass(eq=False)
class Codes:
    """What a quantiser leaves: codes of the multiples of a step.

    Parameters
    ----------
    source : Picture, Map, Sum, Together or Rounded
    grid : Grid
    single : bool
        Whether one operator takes them.
    made : Map, optional
        What was made of it, so that it is made once.
    """

    source: "Real"
    grid: Grid
    single: bool = False
    made: Map | None = None

    @property
    def shape(self) -> Shape:
        """Channels, rows and columns."""
        return (self.made or self.source).shape

    @property
    def flat(self) -> bool:
        """Whether the model has it as (N, C * H * W)."""
        return (self.made or self.source).flat


@dataclass(frozen=True, eq=False)
class Rounded:
    """What a quantiser leaves, as real numbers; it becomes a layer when an operator takes it.

    Parameters
    ----------
    codes : Codes
    single : bool
        Whether one operator alone takes what is quantised.
    """

    codes: Codes
    single: bool = False

    @property
    def shape(self) -> Shape:
        """Channels, rows and columns."""
        return self.codes.shape

    @property
    def flat(self) -> bool:
        """Whether the model has it as (N, C * H * W)."""
        return self.codes.flat


Real = Picture | Map | Sum | Together | Rounded
Value = Constant | Levels | Real | Codes
