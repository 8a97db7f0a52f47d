"""What the shop's camera makes of a scene: where it stands, how it is lit, how it blurs, its noise, its JPEG.

Called by `shelf.py` with a scene that is larger than the frame. Every change of place goes through one
homography, which is given back, so that the true boxes can follow.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

FRAME_WIDTH: Final = 640
FRAME_HEIGHT: Final = 480


@dataclass(frozen=True)
class Shot:
    """How one frame is taken.

    Shares of the frame for shifts, grey levels (0..255) for noise, pixels of the frame for blur.
    """

    keystone: float = 0.0
    turn_degrees: float = 0.0
    exposure: float = 1.0
    falloff: float = 0.15
    dark_side: float = 0.0
    warmth: float = 0.0
    blur_px: float = 0.0
    noise: float = 1.5


def draw_shot(rng: np.random.Generator) -> Shot:
    """A shot as a working day brings it: most are fair, some are dark, some are soft, some are noisy."""
    dark = rng.random() < 0.35
    return Shot(
        keystone=rng.uniform(-0.05, 0.05),
        turn_degrees=rng.normal(0, 1.2),
        exposure=rng.uniform(0.38, 0.65) if dark else rng.uniform(0.8, 1.12),
        falloff=rng.uniform(0.15, 0.5),
        dark_side=rng.uniform(-0.6, 0.6),
        warmth=rng.uniform(-0.08, 0.12),
        blur_px=rng.uniform(0.9, 1.5) if rng.random() < 0.3 else rng.uniform(0.0, 0.5),
        noise=rng.uniform(6, 13) if dark else rng.uniform(2, 7),
    )


def take(
    scene: npt.NDArray[np.float32], shot: Shot, rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """The frame, RGB uint8 [480, 640, 3], and the homography [3, 3] from scene pixels to frame pixels."""
    matrix = _place(scene.shape[1], scene.shape[0], shot)
    flags = cv2.INTER_AREA if shot == Shot() else cv2.INTER_LINEAR
    softened = cv2.GaussianBlur(scene, (0, 0), max(0.45, shot.blur_px) * scene.shape[1] / FRAME_WIDTH)
    frame = np.asarray(
        cv2.warpPerspective(
            softened, matrix, (FRAME_WIDTH, FRAME_HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE
        ),
        np.float32,
    )
    down, across = np.mgrid[-1 : 1 : FRAME_HEIGHT * 1j, -1 : 1 : FRAME_WIDTH * 1j]
    light = shot.exposure * (1 - shot.falloff * (across**2 + down**2) / 2) * (1 + shot.dark_side * across / 2)
    frame *= np.asarray(light, np.float32)[..., None]
    frame *= np.array((1 + shot.warmth, 1, 1 - shot.warmth), np.float32)
    grain = rng.normal(0, shot.noise, frame.shape).astype(np.float32)
    return np.clip(frame + grain, 0, 255).astype(np.uint8), matrix


def to_jpeg(image: npt.NDArray[np.uint8], quality: int = 85) -> bytes:
    """The bytes that the camera sends: a baseline JPEG of an RGB image."""
    written, encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not written:
        raise ValueError(f"an image of shape {image.shape} and type {image.dtype} cannot become a JPEG; give RGB uint8")
    return encoded.tobytes()


def _place(scene_width: int, scene_height: int, shot: Shot) -> npt.NDArray[np.float64]:
    """The camera stands a little to one side (keystone) and is not quite level (turn); the frame cuts the rest off."""
    near, far = 1 + shot.keystone, 1 - shot.keystone
    half_width, half_height = FRAME_WIDTH / 2, FRAME_HEIGHT / 2
    corners = np.array([(-1, -near), (1, -far), (1, far), (-1, near)], np.float64) * (half_width, half_height)
    angle = np.deg2rad(shot.turn_degrees)
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    placed = corners @ turn * (1 + abs(shot.keystone) + abs(angle)) + (half_width, half_height)
    whole = np.array([(0, 0), (scene_width, 0), (scene_width, scene_height), (0, scene_height)], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(whole, placed.astype(np.float32)), np.float64)
