"""Random pictures for random inputs with random image settings, and the tensor by hand. Pure but for the encoder.

The pixels are made here and encoded without loss, so that they are known without a decoder. By hand, as
docs/models.md says it: the picture in RGB, BGR, or grey where the input has one channel; resized by OpenCV, bilinear,
without keeping its aspect; as it is for uint8, else (pixel * scale - mean) / std, computed in float64 and rounded once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Literal

import cv2
import numpy as np
from onnx import helper

from schemas.models import Configuration, ImageSettings
from tests.fuzz.by_hand import Right, Step
from tests.fuzz.models import FuzzReport, Path, answered, load, why_wrong
from tests.fuzz.requests import Cell, Request
from tests.fuzz.signatures import KINDS, Input, Model, Output

_FLOATS: Final = ("float32", "float16", "float64")
_DEFAULT: Final = ImageSettings()
_EARLIER_DEFAULT: Final = ImageSettings(layout="CHW")
"""Catalogs of earlier versions store this where no layout was configured."""
PICTURES_PER_MODEL: Final = 4


@dataclass(frozen=True)
class Picture:
    """value: PNG or WebP. rgb: its pixels, uint8 [H, W, 3]; kind: how it is stored."""

    value: bytes
    rgb: Cell
    kind: str


def fuzz_pictures(seed: int, models: int, first: int = 0, done: Callable[[int], object] = int) -> FuzzReport:
    """So many models, each with some pictures; model number n of a seed is always the same. done: called with how many
    are."""
    report = FuzzReport()
    for number in range(first, first + models):
        done(number - first)
        rng = Random(f"{seed}:pictures:{number}")
        one = _random_input(rng)
        settings = _random_settings(rng, one)
        path = Path((Step(_seen(one), {}),), (Configuration("onnx", image=settings, batch_config=_batch(rng)),))
        pictures = [random_picture(rng) for _ in range(PICTURES_PER_MODEL)]
        requests = [Request(picture.value, 1, {}, complete=True, says=picture.kind) for picture in pictures]
        for picture, finished in zip(pictures, answered(load(path), requests), strict=True):
            judged = by_hand(picture, one, settings)
            report.requests[f"a picture: {finished.answer.status}{', due' if judged.due else ''}"] += 1
            if (why := why_wrong(finished, judged)) is not None:
                came = f"{picture.kind} {list(picture.rgb.shape)}"
                where = f"fuzz_pictures({seed}, 1, first={number})"
                report.wrong.append(f"WRONG: {why[:300]}\nrepeat: {where}\n{one}\n{settings}\n{came}")
    return report


def random_picture(rng: Random) -> Picture:
    """Grey, RGB, with alpha, of 8 or 16 bits a channel."""
    height, width = rng.choice((1, 2, 5, 8, 16, 33)), rng.choice((1, 3, 6, 8, 16, 31))
    kind = rng.choice(("grey", "RGB", "RGB", "RGB", "RGBA", "grey of 16 bits", "RGB of 16 bits", "WebP"))
    random = np.random.default_rng(rng.getrandbits(32))
    deep = "16" in kind
    pixels: Any = random.integers(0, 2**16 if deep else 2**8, (height, width, 3), np.uint16 if deep else np.uint8)
    if kind.startswith("grey"):
        pixels[:] = pixels[:, :, :1]
    rgb = (pixels >> 8).astype(np.uint8) if deep else pixels
    stored: Any = pixels[:, :, ::-1]
    if kind.startswith("grey"):
        stored = pixels[:, :, 0]
    elif kind == "RGBA":
        alpha = random.integers(0, 256, (height, width, 1), np.uint8)
        stored = np.concatenate([stored, alpha], axis=2)
    lossless = [cv2.IMWRITE_WEBP_QUALITY, 101] if kind == "WebP" else []
    ok, value = cv2.imencode(".webp" if kind == "WebP" else ".png", np.ascontiguousarray(stored), lossless)
    assert ok
    return Picture(value.tobytes(), rgb, kind)


def by_hand(picture: Picture, one: Input, settings: ImageSettings) -> Right:
    """The tensor that the picture is for this input; no answer where it is none."""
    sizes = one.sizes
    if one.dtype not in {*_FLOATS, "uint8"} or (sizes is not None and len(sizes) != 4):
        return Right({}, due=False)
    shape: Sequence[int | None] = (None, None, None, None) if sizes is None else sizes
    configured = None if settings == _EARLIER_DEFAULT else settings.layout
    layout = configured or _layout(shape)
    if configured == "CHW" and _layout(shape) == "HWC":
        return Right({}, due=False)
    batch, channels, height, width = shape if layout == "CHW" else (shape[0], shape[3], shape[1], shape[2])
    grey = channels == 1 or (channels is None and settings.colour == "GRAY")
    if batch not in (None, 1) or channels not in (None, 1, 3) or (channels == 3 and settings.colour == "GRAY"):
        return Right({}, due=False)
    for declared, said in ((height, settings.height), (width, settings.width)):
        if None not in (declared, said) and declared != said:
            return Right({}, due=False)
    numbers = (settings.scale, settings.mean, settings.std) != (_DEFAULT.scale, _DEFAULT.mean, _DEFAULT.std)
    tensor = _tensor(picture.rgb, settings, grey, (settings.width or width, settings.height or height), one.dtype)
    if layout == "CHW":
        tensor = tensor.transpose(2, 0, 1)
    right = {"y": [[tensor.ravel()]], "s": [[np.array((1, *tensor.shape), np.int64)]]}
    # Numbers for uint8, or three of them for grey, may be refused: they say nothing there.
    due = not (numbers and (grey or one.dtype == "uint8")) and sizes is not None and channels is not None
    return Right(right, due and bool(np.isfinite(tensor).all()))


def _layout(shape: Sequence[int | None]) -> Literal["CHW", "HWC"]:
    return "HWC" if shape[3] in (1, 3) and shape[1] not in (1, 3) else "CHW"


def _tensor(rgb: Cell, settings: ImageSettings, grey: bool, size: tuple[int | None, int | None], dtype: str) -> Cell:
    """[H, W, channels]."""
    pixels: Any = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[:, :, None] if grey else rgb
    width, height = size[0] or rgb.shape[1], size[1] or rgb.shape[0]
    if (height, width) != rgb.shape[:2]:
        pixels = cv2.resize(pixels, (width, height)).reshape(height, width, -1)
    if settings.colour == "BGR" and not grey:
        pixels = pixels[:, :, ::-1]
    if dtype == "uint8":
        return np.ascontiguousarray(pixels)
    scaled = pixels / 255.0 if settings.scale == _DEFAULT.scale else pixels * settings.scale
    count = pixels.shape[2]
    with np.errstate(over="ignore"):
        normal: Cell = (scaled - np.array(settings.mean[:count])) / np.array(settings.std[:count])
        return normal.astype(dtype)


def _random_input(rng: Random) -> Input:
    dtype = rng.choice(("float32", "float32", "float32", "float32", "uint8", "uint8", "float16", "float64", "int8"))
    if rng.random() < 0.1:
        return Input("x", dtype, rng.choice((None, (), (None, 3), (3, 8, 8), (1, 1, 3, 8, 8))))
    batch = rng.choice((1, 1, 1, "N", None, None, None, 2))
    channels = rng.choice((3, 3, 3, 3, 3, 1, 1, 1, 4, None))
    height, width = (rng.choice((1, 3, 4, 8, 8, 16, "H", None)) for _ in range(2))
    return Input("x", dtype, rng.choice(((batch, channels, height, width), (batch, height, width, channels))))


def _random_settings(rng: Random, one: Input) -> ImageSettings:
    """Mostly none; sizes, layout, colour, and what is done with the pixels."""
    if rng.random() < 0.5:
        return _DEFAULT
    sides = [size for size in (one.sizes or ()) if size is not None] + [8, 5]
    normal = rng.random() < 0.7
    return ImageSettings(
        width=rng.choice((None, None, rng.choice(sides))),
        height=rng.choice((None, None, rng.choice(sides))),
        colour=rng.choice(("RGB", "RGB", "BGR", "GRAY")),
        scale=_DEFAULT.scale if normal else rng.choice((1.0, 1 / 128, 2.0)),
        mean=_DEFAULT.mean if normal else rng.choice(((0.5, 0.5, 0.5), (0.485, 0.456, 0.406))),
        std=_DEFAULT.std if normal else rng.choice(((0.5, 0.5, 0.5), (0.229, 0.224, 0.225))),
        layout=rng.choice((None, None, "CHW", "HWC")),
    )


def _batch(rng: Random) -> Literal["single"] | None:
    return rng.choice((None, None, "single"))


def _seen(one: Input) -> Model:
    """A model that gives what it got: its values and its shape."""
    nodes = [helper.make_node("Identity", ["x"], ["y"]), helper.make_node("Shape", ["x"], ["s"])]
    infos = [helper.make_tensor_value_info("x", KINDS[one.dtype], one.dims)]
    made = [
        helper.make_tensor_value_info("y", KINDS[one.dtype], one.dims),
        helper.make_tensor_value_info("s", KINDS["int64"], None),
    ]
    graph = helper.make_graph(nodes, "seen", infos, made)
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    outputs = (
        Output("y", one.dtype, one.dims, per_row=True, independent=True, made_of="x"),
        Output("s", "int64", None, per_row=False, independent=True, made_of="x"),
    )
    return Model(content, (one,), outputs)
