"""What stands on the shelf: bottles, jars, cans, tubs and cartons in plain colours.

Called by `shelf.py` only. Products never carry text: a text detector would rightly find it, and the frame's list of
true labels would be wrong.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.float32]
Colour: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True)
class Silhouette:
    """An outline as (height from the top, half width) pairs, both 0..1, and how round it is (0 flat, 1 cylinder)."""

    outline: tuple[tuple[float, float], ...]
    roundness: float
    lid_until: float
    band: tuple[float, float]
    width_to_height: tuple[float, float]


SILHOUETTES: Final = {
    "bottle": Silhouette(
        (
            (0, 0.30),
            (0.08, 0.30),
            (0.085, 0.25),
            (0.20, 0.27),
            (0.30, 0.55),
            (0.37, 0.92),
            (0.42, 1),
            (0.97, 1),
            (1, 0.93),
        ),
        roundness=1.0,
        lid_until=0.08,
        band=(0.52, 0.86),
        width_to_height=(0.27, 0.33),
    ),
    "jar": Silhouette(
        ((0, 0.84), (0.02, 0.88), (0.15, 0.88), (0.16, 0.80), (0.20, 0.84), (0.27, 1), (0.95, 1), (1, 0.90)),
        roundness=1.0,
        lid_until=0.15,
        band=(0.38, 0.82),
        width_to_height=(0.55, 0.68),
    ),
    "can": Silhouette(
        ((0, 0.86), (0.03, 0.88), (0.08, 1), (0.93, 1), (0.98, 0.88), (1, 0.86)),
        roundness=1.0,
        lid_until=0.035,
        band=(0.30, 0.72),
        width_to_height=(0.50, 0.58),
    ),
    "tub": Silhouette(
        ((0, 1), (0.13, 1), (0.135, 0.95), (1, 0.82)),
        roundness=0.7,
        lid_until=0.13,
        band=(0.34, 0.78),
        width_to_height=(0.85, 1.05),
    ),
    "carton": Silhouette(
        ((0, 0.98), (0.01, 1), (1, 1)),
        roundness=0.0,
        lid_until=0.0,
        band=(0.12, 0.46),
        width_to_height=(0.55, 0.72),
    ),
    "milk": Silhouette(
        ((0, 0.80), (0.06, 0.80), (0.065, 0.74), (0.20, 1), (1, 1)),
        roundness=0.0,
        lid_until=0.06,
        band=(0.48, 0.80),
        width_to_height=(0.38, 0.44),
    ),
}

PALETTES: Final[tuple[tuple[Colour, Colour, Colour], ...]] = (  # body, band, lid and emblem
    ((176, 38, 42), (244, 232, 208), (250, 198, 60)),
    ((24, 92, 62), (236, 226, 190), (206, 164, 56)),
    ((28, 74, 140), (240, 240, 236), (226, 64, 52)),
    ((238, 176, 44), (122, 54, 26), (250, 240, 214)),
    ((240, 238, 230), (54, 132, 190), (26, 66, 128)),
    ((92, 48, 30), (224, 190, 134), (238, 226, 196)),
    ((112, 156, 66), (246, 244, 226), (52, 98, 46)),
    ((226, 112, 44), (252, 236, 206), (132, 44, 30)),
    ((118, 58, 122), (238, 218, 232), (248, 196, 90)),
    ((62, 150, 158), (244, 246, 240), (230, 96, 76)),
    ((214, 92, 122), (250, 236, 230), (124, 34, 66)),
    ((44, 46, 54), (202, 166, 90), (232, 228, 216)),
)


def paint_product(
    kind: str, palette: int, emblem: int, width_px: int, height_px: int, light: float
) -> tuple[Pixels, Pixels]:
    """One product on a transparent ground.

    Returns RGB [height, width, 3] in 0..255 and its opacity [height, width, 1] in 0..1. `light` is where the
    lamp stands, -1 left to 1 right; `emblem` 0..3 picks what is printed on the band.
    """
    shape = SILHOUETTES[kind]
    body, band, accent = (np.array(colour, np.float32) for colour in PALETTES[palette])
    height: Pixels = (np.arange(height_px, dtype=np.float32) / np.float32(height_px - 1))[:, None]
    heights, half_widths = (np.array(ordinate) for ordinate in zip(*shape.outline, strict=True))
    half_width_px = np.interp(height, heights, half_widths).astype(np.float32) * (width_px / 2 - 1)
    from_axis_px = np.arange(width_px, dtype=np.float32)[None, :] - (width_px - 1) / 2
    opacity = np.clip(half_width_px - np.abs(from_axis_px) + 0.5, 0, 1)
    across = np.clip(from_axis_px / half_width_px, -1, 1)

    colour = np.broadcast_to(body, (height_px, width_px, 3)).copy()
    in_band = (height > shape.band[0]) & (height < shape.band[1]) & (np.abs(across) <= 1)
    colour[in_band] = band
    colour[_emblem(emblem, across, height, shape.band)] = accent
    colour[(height < shape.lid_until) & (np.abs(across) <= 1)] = accent

    lit = _light(across, height, shape.roundness, light)
    gloss = shape.roundness * 70 * np.exp(-(((across - 0.55 * light) / 0.10) ** 2)) * np.clip(1.2 - height, 0, 1)
    shaded = colour * lit[..., None] + gloss[..., None]
    return np.clip(shaded, 0, 255).astype(np.float32), opacity[..., None].astype(np.float32)


def _light(across: Pixels, height: Pixels, roundness: float, light: float) -> Pixels:
    """How much light comes back from each point: Lambert on a cylinder, nearly even on a flat front."""
    turn = np.arcsin(np.clip(across, -1, 1)) * roundness
    cylinder = 0.42 + 0.66 * np.clip(np.cos(turn - 0.7 * light), 0, 1)
    flat = 0.97 + 0.10 * across * light
    edge = np.where(np.abs(across) > 0.97, 0.86, 1.0)
    lit = roundness * cylinder + (1 - roundness) * flat * edge
    return np.asarray(lit * (1.05 - 0.18 * height), np.float32)


def _emblem(emblem: int, across: Pixels, height: Pixels, band: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """What is printed on the band: a disc, two stripes, a diamond, or a wave. Plain shapes, nothing like a letter."""
    middle, half = (band[0] + band[1]) / 2, (band[1] - band[0]) / 2
    across, along = np.broadcast_arrays(across, (height - middle) / half)
    match emblem:
        case 0:
            return np.asarray((across / 0.55) ** 2 + (along / 0.62) ** 2 < 1)
        case 1:
            return np.asarray((np.abs(along) > 0.72) & (np.abs(along) < 0.9))
        case 2:
            return np.asarray(np.abs(across) / 0.6 + np.abs(along) / 0.7 < 1)
        case _:
            return np.asarray((along > 0.25 * np.sin(3 * across) + 0.1) & (along < 1))
