"""Wrong inputs of `Client.frames` and of what its blocks offer. The pipeline is deployed: what is not refused would be
sent."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from schemas.limits import FRAME_BYTES_MAX, KEY_BYTES_MAX
from sparring.object import EntityNotFoundError, FrameTooLarge
from sparring.stack import LocalStack
from tests.sparring.test_wrong_inputs import (
    HALF,
    INF,
    NAN,
    NO_NAME,
    SECONDS,
    Row,
    World,
    built,
    check_refused,
    each,
    named,
)

SENDS = ("Frames.send", "AsyncFrames.send")
JPEG = b"\xff\xd8\xff"


async def coroutine(_: object) -> None:
    """No function that can be called for each report."""


@pytest.fixture(scope="module")
def world(broker: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("models")
    (folder / "wrong.json").write_text("[{]")
    (folder / "clip.mp4").write_bytes(b"")
    with built(broker, "wrong-frames", folder) as made:
        yield made


ROWS: list[Row] = [
    ("Client.frames", "pipeline", 7, TypeError, "int; expected a Pipeline, or its name"),
    ("Client.frames", "pipeline", None, TypeError, "NoneType; expected a Pipeline"),
    *(
        ("Client.frames", "pipeline", wrong, ValueError, NO_NAME)
        for wrong in ("", "1st", "a/b/c", "/live", "live/", HALF)
    ),
    *each(
        ("Client.frames",),
        ("pipeline", "missing", EntityNotFoundError, "default/missing does not exist; there are: default/live"),
        ("pipeline", "shop/live", EntityNotFoundError, "shop/live does not exist; there are: default/live"),
        ("on_report", 7, TypeError, "int; expected a function that takes a Report, or None"),
        ("on_report", lambda _: coroutine, TypeError, "a coroutine function; expected a function that takes a Report"),
    ),
    *each(
        ("Client.frames", *SENDS),
        ("key", 7, TypeError, "int; expected text or bytes"),
        ("key", HALF, ValueError, "cannot be written as UTF-8; expected text or bytes"),
        ("headers", ["camera"], TypeError, "list; expected a dictionary of text"),
        ("headers", {"camera": 7}, TypeError, "'camera': 7; expected text for text"),
        ("headers", {"camera": HALF}, ValueError, "cannot be written as UTF-8; expected text"),
        ("headers", {"request-id": "x"}, ValueError, "'request-id' is set by frames itself; leave it out"),
        ("headers", {"deadline": "soon"}, ValueError, "'deadline': 'soon'; expected Unix milliseconds"),
        ("deadline_ms", "500", TypeError, "'500'; expected a whole number"),
        ("deadline_ms", 0.5, TypeError, "0.5; expected a whole number"),
        ("deadline_ms", True, TypeError, "True; expected a whole number"),
        ("deadline_ms", 0, ValueError, "0; expected 1 to 31536000000"),
        ("deadline_ms", 10**30, ValueError, "0; expected 1 to 31536000000"),
    ),
    *each(
        SENDS,
        ("frame", 7, TypeError, "int; expected the bytes of a picture or table, a path, a uint8 array"),
        ("frame", None, TypeError, "NoneType; expected the bytes"),
        ("frame", [JPEG], TypeError, "list; expected the bytes"),
        ("frame", b"hello", ValueError, "5 bytes, beginning b'hello'; expected those of a JPEG"),
        ("frame", JPEG + bytes(FRAME_BYTES_MAX), FrameTooLarge, "bytes; expected at most"),
        ("frame", "absent.jpg", FileNotFoundError, "absent.jpg is no file"),
        ("frame", lambda w: w.folder / "wrong.json", ValueError, r"wrong\.json: no JSON list of records"),
        ("frame", lambda w: w.folder / "clip.mp4", ValueError, r"clip\.mp4 is a video, which is many frames"),
        ("frame", np.zeros((2, 2)), ValueError, r"float64 \[2, 2\]; expected uint8"),
        ("frame", pd.DataFrame({"x": [1.0]}), ValueError, "champion cannot take it: no column 'tensor' .*; came: x"),
        ("frame", pd.DataFrame({"tensor": []}), ValueError, "it has no rows; expected one per input"),
        ("key", b"x" * (KEY_BYTES_MAX + 1), FrameTooLarge, f"{KEY_BYTES_MAX + 1} bytes; expected at most"),
        ("headers", {"note": "x" * 100_000}, FrameTooLarge, "key and headers have 100\\d\\d\\d bytes; expected at"),
        ("request_id", 7, TypeError, "int; expected text"),
        *(
            ("request_id", wrong, ValueError, "expected 1 to 128 letters, digits, or some of")
            for wrong in ("", "a b", "a/b", HALF, "x" * 129)
        ),
    ),
    *each(
        ("Frames.flush", "AsyncFrames.flush"),
        ("timeout_s", "1", TypeError, "'1'; expected seconds"),
        ("timeout_s", None, TypeError, "None; expected seconds"),
        *(("timeout_s", wrong, ValueError, f"{SECONDS} >= 0, at most") for wrong in (-1, NAN, INF)),
    ),
]


def call_of(world: World, name: str) -> Callable[..., object]:
    """The call, in a block of its own where it needs one."""
    owner, _, method = name.partition(".")
    if owner == "Client":
        return world.client.frames

    def blocking(**given: Any) -> None:
        with world.client.frames("live") as frames:
            getattr(frames, method)(**given)

    async def waiting(**given: Any) -> None:
        async with world.client.frames("live") as frames:
            await getattr(frames, method)(**given)

    return blocking if owner == "Frames" else lambda **given: asyncio.run(waiting(**given))


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_wrong_input_is_refused_by_its_name_and_nothing_is_sent(world: World, row: Row) -> None:
    right: dict[str, Any] = {"pipeline": "live"} if row[0] == "Client.frames" else {}
    if row[0] in SENDS:
        right = {"frame": JPEG}
    check_refused(world, call_of(world, row[0]), right, row)
