"""Frames for the demo: a shelf in a shop, with price labels whose true places are known.

The demo sends these frames through Kafka as a camera would; nothing here knows about Kafka. One seed, one frame:
the same seed gives the same bits on the same release of OpenCV.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from examples.camera import FRAME_HEIGHT, FRAME_WIDTH, Shot, draw_shot, take, to_jpeg
from examples.price_labels import TROUBLES, Card, Trouble, paint_card
from examples.products import PALETTES, SILHOUETTES, paint_product

Pixels: TypeAlias = npt.NDArray[np.float32]
Difficulty: TypeAlias = Literal["easy", "mixed"]

_SCALE: Final = 2  # the scene is painted larger than the frame, so that edges are smooth after the camera
_SCENE_WIDTH: Final = FRAME_WIDTH * _SCALE
_SCENE_HEIGHT: Final = FRAME_HEIGHT * _SCALE
_WALLS: Final = ((206, 200, 190), (188, 194, 198), (214, 206, 186), (176, 172, 166))
_RAILS: Final = ((58, 60, 66), (226, 226, 222), (150, 154, 160), (96, 28, 34), (34, 66, 92))
_VISIBLE_SHARE_MIN: Final = 0.98


@dataclass(frozen=True)
class Shelf:
    """A frame, RGB uint8 [480, 640, 3], and its true labels: float32 [n, 4], each price's x1, y1, x2, y2 in pixels."""

    image: npt.NDArray[np.uint8]
    labels: Pixels

    def jpeg(self) -> bytes:
        """The frame as the camera sends it."""
        return to_jpeg(self.image)


def render_shelf(seed: int, difficulty: Difficulty = "mixed") -> Shelf:
    """The shelf of this seed. "easy": clean labels, good light. "mixed": what a working day brings."""
    rng = np.random.default_rng(seed)
    scene, corners = _paint_scene(rng, difficulty)
    shot = Shot() if difficulty == "easy" else draw_shot(rng)
    image, to_frame = take(scene, shot, rng)
    seen = cv2.perspectiveTransform(np.concatenate(corners)[None].astype(np.float64), to_frame)[0].reshape(-1, 4, 2)
    boxes = np.concatenate((seen.min(axis=1), seen.max(axis=1)), axis=1).astype(np.float32)
    return Shelf(image, _inside(boxes))


def _paint_scene(rng: np.random.Generator, difficulty: Difficulty) -> tuple[Pixels, list[Pixels]]:
    """The scene, RGB, and the corners of each printed price in it, [4, 2]."""
    wall = np.array(_WALLS[rng.integers(len(_WALLS))], np.float32)
    scene = np.broadcast_to(wall, (_SCENE_HEIGHT, _SCENE_WIDTH, 3)).copy()
    rail = _RAILS[rng.integers(len(_RAILS))]
    light = float(rng.uniform(-0.8, 0.8))
    shelves = int(rng.integers(3, 5))
    pitch_px = _SCENE_HEIGHT / shelves
    rail_px = round(pitch_px * 0.17)
    corners: list[Pixels] = []
    for row in range(shelves):
        floor = round((row + 1) * pitch_px) - rail_px - round(0.02 * _SCENE_HEIGHT)
        ceiling = round(row * pitch_px)
        _paint_depth(scene, ceiling, floor)
        groups = _stand_products(scene, floor, round(pitch_px - rail_px * 1.55), light, rng)
        _paint_board(scene, floor, rail_px, rail)
        for middle in groups:
            trouble = _draw_troubles(rng) if difficulty == "mixed" else frozenset[Trouble]()
            card = paint_card(_draw_price(rng), round(rail_px * rng.uniform(0.84, 0.94)), trouble, rng)
            placed = _place_card(scene, card, middle, floor + 14 + rail_px // 2)
            if placed is not None:
                corners.append(placed)
    return scene, corners


def _paint_depth(scene: Pixels, ceiling: int, floor: int) -> None:
    """The back of the compartment: dark under the board above, lighter towards the floor."""
    fade = np.linspace(0.28, 0.62, max(floor - ceiling, 1), dtype=np.float32)
    scene[ceiling:floor] *= fade[:, None, None]


def _paint_board(scene: Pixels, floor: int, rail_px: int, rail: tuple[int, int, int]) -> None:
    """The board's edge, the rail for the labels, and its shadow on what lies below."""
    bottom = min(floor + 14 + rail_px, _SCENE_HEIGHT)
    scene[floor : floor + 14] = np.array((222, 218, 210), np.float32) * np.linspace(1.05, 0.8, 14)[:, None, None]
    curve = 1 + 0.12 * np.cos(np.linspace(-2.2, 2.2, bottom - floor - 14))
    scene[floor + 14 : bottom] = np.array(rail, np.float32) * curve[:, None, None]
    scene[floor + 14 : floor + 17] *= 0.6


def _stand_products(scene: Pixels, floor: int, room_px: int, light: float, rng: np.random.Generator) -> list[int]:
    """Groups of equal products side by side, as shops put them; gives each group's middle, in pixels from the left."""
    middles = []
    x = -int(rng.integers(0, 40))
    while x < _SCENE_WIDTH - 60:
        kind = list(SILHOUETTES)[rng.integers(len(SILHOUETTES))]
        height_px = round(room_px * rng.uniform(*((0.45, 0.6) if kind in ("tub", "jar", "can") else (0.72, 0.92))))
        width_px = round(height_px * rng.uniform(*SILHOUETTES[kind].width_to_height))
        palette, emblem = int(rng.integers(len(PALETTES))), int(rng.integers(4))
        facings = max(1, round(rng.uniform(200, 300) / width_px))
        pixels, opacity = paint_product(kind, palette, emblem, width_px, height_px, light)
        start = x
        for _ in range(facings):
            if rng.random() > 0.06:  # now and then one is sold out
                _blend(scene, pixels * 0.45, opacity, x + width_px // 8, floor - 6 - height_px)
                _blend(scene, pixels, opacity, x, floor - height_px)
            x += width_px + int(rng.integers(2, 7))
        middles.append((start + x) // 2)
        x += int(rng.integers(14, 40))
    return middles


def _place_card(scene: Pixels, card: Card, middle: int, centre_y: int) -> Pixels | None:
    """Put the card with its middle at a place; None where its price would leave the scene."""
    height_px, width_px = card.opacity.shape[:2]
    left, top = middle - width_px // 2, centre_y - height_px // 2
    corners = card.price_corners + np.array((left, top), np.float32)
    if corners.min() < 4 or corners[:, 0].max() > _SCENE_WIDTH - 4 or corners[:, 1].max() > _SCENE_HEIGHT - 4:
        return None
    _blend(scene, card.pixels * 0.25, card.opacity * 0.5, left + 3, top + 4)
    _blend(scene, card.pixels, card.opacity, left, top)
    return corners


def _blend(scene: Pixels, pixels: Pixels, opacity: Pixels, left: int, top: int) -> None:
    """Lay `pixels` over the scene, cut at its edges."""
    height_px, width_px = opacity.shape[:2]
    x1, y1 = max(left, 0), max(top, 0)
    x2, y2 = min(left + width_px, _SCENE_WIDTH), min(top + height_px, _SCENE_HEIGHT)
    if x1 >= x2 or y1 >= y2:
        return
    part = slice(y1 - top, y2 - top), slice(x1 - left, x2 - left)
    under = scene[y1:y2, x1:x2]
    scene[y1:y2, x1:x2] = under + (pixels[part] - under) * opacity[part]


def _draw_price(rng: np.random.Generator) -> str:
    whole = rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 17))
    return f"{whole}.{rng.choice(('29', '39', '45', '49', '79', '85', '95', '99'))}"


def _draw_troubles(rng: np.random.Generator) -> frozenset[Trouble]:
    """Most labels are in good shape; the others have one trouble or two."""
    if rng.random() < 0.58:
        return frozenset()
    return frozenset(TROUBLES[index] for index in rng.integers(len(TROUBLES), size=rng.integers(1, 3)))


def _inside(boxes: Pixels) -> Pixels:
    """The boxes that the camera has in view, cut at the frame's edges; a price that is cut off counts as no label."""
    limits = np.array((FRAME_WIDTH, FRAME_HEIGHT) * 2, np.float32)
    cut = np.clip(boxes, 0, limits)
    share = np.prod(cut[:, 2:] - cut[:, :2], axis=1) / np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return np.asarray(cut[share >= _VISIBLE_SHARE_MIN])
