"""The cards in the shelf's rail: a price on paper, in good or in bad shape.

Called by `shelf.py` only. `Trouble` lists what may be wrong with one card; what is wrong with the whole frame is the
business of `camera.py`.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.float32]
Trouble: TypeAlias = Literal["small", "blurred", "slanted", "faded", "shaded", "glare"]

PAPERS: Final = (  # paper, ink
    ((246, 245, 240), (24, 24, 28)),
    ((246, 245, 240), (24, 24, 28)),
    ((250, 214, 52), (28, 24, 24)),
    ((250, 214, 52), (182, 22, 30)),
    ((196, 28, 36), (255, 250, 240)),
)
TROUBLES: Final[tuple[Trouble, ...]] = ("small", "blurred", "slanted", "faded", "shaded", "glare")


@dataclass(frozen=True)
class Card:
    """A card on a transparent ground: RGB [h, w, 3] in 0..255, opacity [h, w, 1] in 0..1, price's corners [4, 2]."""

    pixels: Pixels
    opacity: Pixels
    price_corners: Pixels


def paint_card(price: str, height_px: int, troubles: frozenset[Trouble], rng: np.random.Generator) -> Card:
    """A card about `height_px` high with `price` on it, spoiled by `troubles`; `rng` draws how badly."""
    paper, ink = (np.array(colour, np.float32) for colour in PAPERS[rng.integers(len(PAPERS))])
    if "small" in troubles:
        height_px = round(height_px * rng.uniform(0.45, 0.60))
    if "faded" in troubles:
        ink = ink + (paper - ink) * rng.uniform(0.60, 0.85)
    printed = _print(price, text_px=round(height_px * rng.uniform(0.62, 0.74)), weight=int(rng.integers(500, 800)))
    width_px = round(printed.shape[1] + height_px * rng.uniform(0.5, 0.9))

    front = np.broadcast_to(paper, (height_px, width_px, 3)).copy()
    front[: max(2, height_px // 14)] = 0.6 * paper + 0.4 * ink
    top = (height_px - printed.shape[0] + height_px // 14) // 2
    left = (width_px - printed.shape[1]) // 2
    bottom, right = top + printed.shape[0], left + printed.shape[1]
    under = front[top:bottom, left:right]
    front[top:bottom, left:right] = under + (ink - under) * printed[..., None]
    if "shaded" in troubles:
        front *= _shadow(height_px, width_px, rng)
    if "glare" in troubles:
        front += _glare(height_px, width_px, rng)

    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
    card = Card(np.clip(front, 0, 255), np.ones((height_px, width_px, 1), np.float32), corners)
    card = _with_margin(card, margin_px=height_px // 2)
    if "slanted" in troubles:
        card = _slanted(card, rng)
    if "blurred" in troubles:
        card = _blurred(card, sigma_px=height_px * rng.uniform(0.07, 0.15))
    return card


def _print(price: str, text_px: int, weight: int) -> Pixels:
    """How much ink lies where, 0..1, cut to the ink's own edges."""
    ground = np.zeros((2 * text_px, text_px * (len(price) + 1), 3), np.uint8)
    cv2.putText(
        ground,
        price,
        (text_px // 2, 3 * text_px // 2),
        (255, 255, 255),
        cv2.FontFace("sans"),
        text_px,
        weight,
    )
    ink = ground[..., 0]
    rows, columns = np.flatnonzero(ink.max(axis=1) > 64), np.flatnonzero(ink.max(axis=0) > 64)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32) / np.float32(255)


def _shadow(height_px: int, width_px: int, rng: np.random.Generator) -> Pixels:
    """The shelf above throws a slanting shadow over a part of the card."""
    down, across = np.mgrid[0:height_px, 0:width_px].astype(np.float32)
    edge = across / width_px + rng.uniform(-0.6, 0.6) * down / height_px - rng.uniform(0.3, 0.6)
    depth = rng.uniform(0.45, 0.72)
    shadow: Pixels = (1 - depth / (1 + np.exp(-edge * 18))).astype(np.float32)
    return shadow[..., None]


def _glare(height_px: int, width_px: int, rng: np.random.Generator) -> Pixels:
    """A lamp mirrored in the rail's plastic cover: a bright, soft, tilted stripe."""
    down, across = np.mgrid[0:height_px, 0:width_px].astype(np.float32)
    off = across / width_px + rng.uniform(-0.3, 0.3) * down / height_px - rng.uniform(0.25, 0.75)
    glare: Pixels = (rng.uniform(150, 240) * np.exp(-((off / rng.uniform(0.12, 0.24)) ** 2))).astype(np.float32)
    return glare[..., None]


def _with_margin(card: Card, margin_px: int) -> Card:
    """Room around the card, so that turning and blurring it cuts nothing off."""
    around = ((margin_px, margin_px), (margin_px, margin_px), (0, 0))
    return Card(
        np.pad(card.pixels, around, mode="edge"),
        np.pad(card.opacity, around),
        card.price_corners + np.float32(margin_px),
    )


def _slanted(card: Card, rng: np.random.Generator) -> Card:
    """The card hangs askew and leans away from the camera."""
    height_px, width_px = card.opacity.shape[:2]
    matrix = cv2.getRotationMatrix2D(
        (width_px / 2, height_px / 2), float(rng.choice((-1, 1)) * rng.uniform(5, 14)), 1.0
    )
    lean = np.array([[1, rng.uniform(-0.35, 0.35), 0], [0, rng.uniform(0.75, 1.0), 0]], np.float64)
    lean[:, 2] = np.array((width_px / 2, height_px / 2)) - lean[:, :2] @ np.array((width_px / 2, height_px / 2))
    both = np.vstack((matrix, (0, 0, 1))) @ np.vstack((lean, (0, 0, 1)))
    turned = (
        cv2.warpAffine(plane, both[:2], (width_px, height_px), flags=cv2.INTER_LINEAR, borderMode=border)
        for plane, border in ((card.pixels, cv2.BORDER_REPLICATE), (card.opacity, cv2.BORDER_CONSTANT))
    )
    pixels, opacity = (np.asarray(plane, np.float32) for plane in turned)
    corners = cv2.transform(card.price_corners[None], both[:2])[0]
    return Card(pixels, opacity[..., None], np.asarray(corners, np.float32))


def _blurred(card: Card, sigma_px: float) -> Card:
    """The camera's focus lies elsewhere."""
    pixels, opacity = (cv2.GaussianBlur(plane, (0, 0), sigma_px) for plane in (card.pixels, card.opacity))
    return replace(
        card,
        pixels=np.asarray(pixels, np.float32),
        opacity=np.asarray(opacity, np.float32).reshape(card.opacity.shape),
    )
