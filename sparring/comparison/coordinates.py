"""In whose pixels both sides' boxes are, and how a pair's come into one space: that of their picture. Pure.

An overlap does not change where both axes are stretched, each by its own ratio. So the picture's size is needed only
where it decides how they lie, and looked for where neither side knows it: where one side's model saw it letterboxed or
cropped and the other's otherwise, or where only one side's boxes are in pixels of the picture itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from schemas.models import Aspect, PicturePosition, Rounding
from schemas.pictures.placement import Placement, placement
from sparring.comparison.boxes import Bools, Floats
from sparring.comparison.side import OUT, NotADataset

Texts = npt.NDArray[np.str_]
PictureSize = tuple[int, int]
"""Width and height."""

Look = Callable[[Sequence[str]], Mapping[str, PictureSize | str]]
"""The sizes of pictures by source, or why one is unknown."""

_NO_SOURCE: Final = "the dataset names no source"
_LIES: Final = {
    "input_aspect": ("stretch", get_args(Aspect)),
    "input_place": ("upper-left", get_args(PicturePosition)),
    "input_rounding": ("nearest", get_args(Rounding)),
}
"""Columns that say how a picture lies in an input: what null stands for, and what is known."""


class InputSpace(NamedTuple):
    """Of one model: pixels, and how a picture lies in it."""

    width: int
    height: int
    aspect: Aspect
    place: PicturePosition = "upper-left"
    rounding: Rounding = "nearest"
    resize_shorter: int | None = None

    def placement(self, picture: tuple[float, float]) -> Placement:
        """Where a picture of this width and height lies."""
        shorter = np.nan if self.resize_shorter is None else self.resize_shorter
        return placement(picture, self[:2], self.aspect, self.place, self.rounding, shorter)


@dataclass(frozen=True)
class InputSpaces:
    """Of n answers. sizes: float64 [n, 2], width and height; NaN: boxes are in pixels of the picture itself.
    aspect, place, rounding: text [n]. shorter: float64 [n], NaN where there is none."""

    sizes: Floats
    aspect: Texts
    place: Texts
    rounding: Texts
    shorter: Floats

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Self:
        """NotADataset where an aspect, a place or a rounding is none that we know."""
        sides = frame.select(pl.col("input_width", "input_height").cast(pl.Float64).fill_null(np.nan)).to_numpy()
        known: Bools = np.all(sides > 0, axis=1)
        lies = [_texts(frame[name], *accepted) for name, accepted in _LIES.items()]
        aspect = np.where(known, lies[0], "stretch")
        shorter = frame["input_shorter"].cast(pl.Float64).fill_null(np.nan).to_numpy()
        return cls(np.where(known[:, None], sides, np.nan), aspect, lies[1], lies[2], shorter)

    @property
    def known(self) -> Bools:
        """Bool [n]."""
        known: Bools = ~np.isnan(self.sizes[:, 0])
        return known

    def at(self, row: int) -> InputSpace | None:
        """One answer's; None where its boxes are in pixels of the picture itself."""
        if not self.known[row]:
            return None
        width, height = self.sizes[row].astype(int).tolist()
        shorter = None if np.isnan(self.shorter[row]) else int(self.shorter[row])
        return InputSpace(width, height, self.aspect[row], self.place[row], self.rounding[row], shorter)

    def placements(self, pictures: Floats) -> Placement:
        """Where pictures lie in them. pictures: widths and heights, [n, 2]."""
        sizes = np.where(self.known[:, None], self.sizes, pictures)
        return placement(pictures, sizes, self.aspect, self.place, self.rounding, self.shorter)


@dataclass(frozen=True)
class PairSpaces:
    """Of n pairs. pictures: float64 [n, 2], width and height where they are needed and known, NaN elsewhere.
    not_compared: why boxes cannot be compared, null where they can."""

    a: InputSpaces
    b: InputSpaces
    pictures: Floats
    not_compared: pl.Series

    @classmethod
    def of(cls, a: pl.DataFrame, b: pl.DataFrame, boxes: str, sources: pl.Series, look: Look) -> Self:
        """a, b: the answers of pairs, row by row. boxes: name of the output. sources: of the pairs' pictures."""
        spaces = [InputSpaces.of(frame) for frame in (a, b)]
        both = [(frame[f"{OUT}{boxes}"].list.len().fill_null(0) > 0).to_numpy() for frame in (a, b)]
        needed = _hang_on_the_picture(*spaces) & both[0] & both[1]
        pictures = np.where(needed[:, None], _told(a, b), np.nan)
        asked = np.flatnonzero(needed & np.isnan(pictures[:, 0]))
        wanted = [sources[int(row)] for row in asked]
        found = look([source for source in wanted if source]) if wanted else {}
        why: list[str | None] = [None] * a.height
        for row, source in zip(asked.tolist(), wanted, strict=True):
            size = found[source] if source else _NO_SOURCE
            if isinstance(size, str):
                why[row] = size
            else:
                pictures[row] = size
        return cls(spaces[0], spaces[1], pictures, pl.Series(why, dtype=pl.String))

    @property
    def comparable(self) -> Bools:
        """Bool [n]."""
        return self.not_compared.is_null().to_numpy()

    @property
    def placements(self) -> tuple[Placement, Placement]:
        """Where one picture lies in A's and in B's inputs: the picture, or where it does not matter how large that is,
        one of the size of A's input."""
        pictures = self.pictures
        for other in (self.a.sizes, self.b.sizes, np.ones_like(pictures)):
            pictures = np.where(np.isnan(pictures), other, pictures)
        return self.a.placements(pictures), self.b.placements(pictures)

    def picture(self, row: int) -> PictureSize | None:
        """Its size, where it is needed."""
        if np.isnan(self.pictures[row, 0]):
            return None
        width, height = self.pictures[row].astype(int).tolist()
        return width, height


def _told(a: pl.DataFrame, b: pl.DataFrame) -> Floats:
    """The pictures' widths and heights, from either side: [n, 2], NaN where neither has them."""
    sizes = [
        frame.select(pl.col("picture_width", "picture_height").cast(pl.Float64).fill_null(np.nan)).to_numpy()
        for frame in (a, b)
    ]
    whole = [np.all(size > 0, axis=1, keepdims=True) for size in sizes]
    return np.where(whole[0], sizes[0], np.where(whole[1], sizes[1], np.nan))


def _texts(values: pl.Series, absent: str, known: Sequence[str]) -> Texts:
    texts = values.fill_null(absent)
    if foreign := texts.filter(~texts.is_in(known)).head(1).to_list():
        raise NotADataset(f"{values.name} is {foreign[0]!r}; expected {' or '.join(map(repr, known))}")
    return texts.to_numpy().astype(str)


def _hang_on_the_picture(a: InputSpaces, b: InputSpaces) -> Bools:
    """Where only the picture's size tells how A's pixels lie to B's. Two inputs of one shape, in which it lies alike,
    need none: what is rounded is at most a pixel of the input."""
    one_shape = a.sizes[:, 0] * b.sizes[:, 1] == a.sizes[:, 1] * b.sizes[:, 0]
    stretch = a.aspect == "stretch"
    letterbox = (a.aspect == "letterbox") & (a.place == b.place) & one_shape
    neither = np.isnan(a.shorter) & np.isnan(b.shorter)
    crop = (a.aspect == "crop") & (neither | (a.shorter * b.sizes[:, 0] == b.shorter * a.sizes[:, 0])) & one_shape
    alike = (a.aspect == b.aspect) & (stretch | letterbox | crop)
    apart: Bools = (a.known != b.known) | (a.known & b.known & ~alike)
    return apart
