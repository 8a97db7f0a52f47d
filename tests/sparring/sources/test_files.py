"""Files become frames: each of a file's pictures is one, and what cannot be read is said."""

import os
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from schemas.errors import FrameTooLarge, Refused
from schemas.limits import MIB
from sparring.cli.send.refusals import Refusals
from sparring.comparison.report.source_uri import InFile, InVideo, parse_source
from sparring.frames.encode import frame_given
from sparring.frames.inputs import read_image
from sparring.replay.file_frames import frames_of_files
from sparring.replay.frame import ReplayFrame, UnreadableFrame
from sparring.sources import Incomplete, Sendable, check_file, find_files, frames_of
from sparring.sources.video import Shown, pictures_at
from tests.video import write_noise, write_video


def jpeg(number: int, size: int = 16) -> bytes:
    return cv2.imencode(".jpg", np.full((size, size, 3), 40 * number, np.uint8))[1].tobytes()


JPEGS = [jpeg(number) for number in range(5)]
PNG = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()


def read(path: Path, bytes_max: int = MIB) -> tuple[list[bytes], str | None]:
    """The frames' values, and what is missing behind them."""
    found: list[Sendable] = []
    why = None
    try:
        for one in frames_of(path, bytes_max):
            found.append(one)  # noqa: PERF402  # those before an error count
    except Incomplete as error:
        why = str(error)
    assert [one.name for one in found] == [f"{path}#{number}" for number in range(len(found))]
    return [one.value for one in found], why


# --- JPEGs one after the other ---------------------------------------------------------------

BOUNDARY = b"--frame\r\nContent-Type: image/jpeg\r\nX-Timestamp: 0.1\r\n\r\n"
SERIES = {
    "nothing between": b"".join(JPEGS),
    "padding between": b"".join(one + bytes(300) for one in JPEGS),
    "multipart": b"\r\n".join(BOUNDARY + one for one in JPEGS) + b"\r\n--frame--\r\n",
}


@pytest.mark.parametrize("name", ["camera.mjpeg", "camera.MJPG"])
@pytest.mark.parametrize("what", SERIES)
def test_each_jpeg_of_a_recording_is_a_frame_as_it_is(tmp_path: Path, name: str, what: str) -> None:
    path = tmp_path / name
    path.write_bytes(SERIES[what])
    check_file(path)
    assert read(path) == (JPEGS, None)


@pytest.mark.parametrize("name", ["camera.jpg", "dump.bin", "camera"])
def test_a_file_of_jpegs_is_known_by_its_content_whatever_its_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"".join(JPEGS))
    assert read(path) == (JPEGS, None)


def test_a_recording_above_the_limit_of_a_frame_is_read_picture_by_picture(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3), np.uint8)
    picture = cv2.imencode(".jpg", noise)[1].tobytes()
    for name in ("long.jpg", "long.mjpeg"):
        path = tmp_path / name
        path.write_bytes(picture * 30)
        check_file(path, 2 * len(picture))
        assert read(path, 2 * len(picture)) == ([picture] * 30, None)


def test_a_recording_of_other_sizes_too_is_one_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "camera.mjpeg"
    path.write_bytes(jpeg(1, 16) + jpeg(2, 24))
    assert read(path) == ([jpeg(1, 16), jpeg(2, 24)], None)
    path = path.rename(tmp_path / "photo.jpg")
    (frame,) = frames_of(path)
    assert (frame.name, frame.value) == (str(path), jpeg(1, 16) + jpeg(2, 24)), "a photo with a depth map behind it"


DAMAGED = {
    "is cut off": (b"".join(JPEGS)[:-100], 4, "4 whole pictures; the one behind them is cut off"),
    "has other bytes behind": (
        b"".join(JPEGS) + b"no picture",
        5,
        "5 pictures, and 10 bytes that belong to none of them",
    ),
    "has other bytes between": (b"??".join(JPEGS), 5, "5 pictures, and 8 bytes that belong to none of them"),
    "begins within a picture": (
        JPEGS[0][-100:] + b"".join(JPEGS),
        5,
        "5 pictures, and 100 bytes that belong to none of them",
    ),
    "has neither beginning nor end": (
        JPEGS[0][-100:] + b"".join(JPEGS)[:-100],
        4,
        "4 whole pictures; the one behind them is cut off",
    ),
    "has one without an end": (JPEGS[0] + JPEGS[1][:-2] + JPEGS[2], 3, None),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_what_is_no_whole_picture_of_a_recording_is_said(tmp_path: Path, what: str) -> None:
    content, count, said = DAMAGED[what]
    path = tmp_path / "camera.mjpeg"
    path.write_bytes(content)
    values, why = read(path)
    assert (len(values), why) == (count, said)


@pytest.mark.parametrize("name", ["camera.avi", "camera.mp4", "camera.ts"])
def test_a_recording_that_is_named_as_another_video_is_read_as_what_it_is(tmp_path: Path, name: str) -> None:
    (path := tmp_path / name).write_bytes(b"".join(JPEGS)[:-100])
    assert read(path) == (JPEGS[:4], "4 whole pictures; the one behind them is cut off")
    assert [number for number, _ in pictures_at(path, range(9))] == [0, 1, 2, 3]


def test_a_picture_above_the_limit_ends_a_recording_and_is_said(tmp_path: Path) -> None:
    path = tmp_path / "camera.mjpeg"
    noise = np.random.default_rng(0).integers(0, 255, (1200, 1200, 3), np.uint8)
    path.write_bytes(JPEGS[0] + cv2.imencode(".jpg", noise)[1].tobytes() + JPEGS[1])
    values, why = read(path, 10_000)
    assert values == [JPEGS[0]]
    assert why == "1 whole pictures; the one behind them has more than 10000 bytes; it and what follows are left out"


def test_what_is_no_recording_by_its_content_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"hello"):
        path = tmp_path / "camera.mjpeg"
        path.write_bytes(content)
        with pytest.raises(Refused, match="OpenCV finds no picture"):
            list(frames_of(path))


def test_a_call_that_takes_one_picture_refuses_a_recording_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "camera.jpg"
    path.write_bytes(b"".join(JPEGS))
    for image in (path, path.read_bytes()):
        with pytest.raises(
            ValueError, match=r"image: 5 JPEGs one after the other .* expected one picture: .* `sparring send`"
        ):
            read_image(image)
    with pytest.raises(ValueError, match="is a video, which is many frames; `sparring send` sends them"):
        frame_given(path, lambda: pytest.fail("no version is asked"), MIB)
    with pytest.raises(ValueError, match="frame: 5 JPEGs one after the other in one value"):
        frame_given(path.read_bytes(), lambda: pytest.fail("no version is asked"), MIB)


def test_an_animated_picture_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "two.png"
    path.write_bytes(PNG * 2)
    with pytest.raises(Refused, match="2 PNGs one after the other in one value; expected one picture"):
        list(frames_of(path))


def test_single_pictures_of_a_recording_are_found_again_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "camera.jpg"
    path.write_bytes(b"".join(JPEGS))
    assert parse_source(f"{path}#3") == InVideo(str(path), 3)
    assert parse_source("camera.mjpeg#3") == InVideo("camera.mjpeg", 3)
    assert parse_source("camera.png#3") == InFile("camera.png#3")
    found = dict(pictures_at(path, [1, 3, 9]))
    assert {number: round(float(picture.mean()) / 40) for number, picture in found.items()} == {1: 1, 3: 3}


# --- videos that are not whole ---------------------------------------------------------------

CODECS = {"clip.avi": "MJPG", "clip.mkv": "MJPG", "clip.mov": "mp4v", "clip.mp4": "mp4v", "clip.webm": "VP80"}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("videos")
    return {name: write_noise(folder / name, codec, 40) for name, codec in CODECS.items()}


@pytest.mark.parametrize("name", CODECS)
def test_a_whole_video_is_no_complaint(videos: dict[str, Path], name: str) -> None:
    values, why = read(videos[name])
    assert (len(values), why) == (40, None)


@pytest.mark.parametrize("name", ["clip.avi", "clip.mkv", "clip.webm"])
def test_a_video_that_is_cut_off_gives_its_pictures_and_says_how_many_are_missing(
    videos: dict[str, Path], tmp_path: Path, name: str
) -> None:
    content = videos[name].read_bytes()
    (half := tmp_path / name).write_bytes(content[: len(content) // 2])
    values, why = read(half)
    assert 0 < len(values) < 38
    assert why == f"{len(values)} of the 40 pictures that it announces; it is cut off or damaged"


@pytest.mark.parametrize("name", ["clip.avi", "clip.mkv"])
def test_a_video_that_lacks_its_last_picture_says_so(videos: dict[str, Path], tmp_path: Path, name: str) -> None:
    content = videos[name].read_bytes()
    (cut := tmp_path / name).write_bytes(content[: len(content) * 97 // 100])
    values, why = read(cut)
    assert 38 <= len(values) < 40
    assert why == f"{len(values)} of the 40 pictures that it announces; it is cut off or damaged"


@pytest.mark.parametrize("name", CODECS)
def test_a_video_that_is_damaged_in_the_middle_says_how_many_are_missing(
    videos: dict[str, Path], tmp_path: Path, name: str
) -> None:
    content = videos[name].read_bytes()
    middle, hole = len(content) // 2, len(content) // 4
    (damaged := tmp_path / name).write_bytes(content[:middle] + bytes(hole) + content[middle + hole :])
    values, why = read(damaged)
    assert 0 < len(values) < 38
    assert why == f"{len(values)} of the 40 pictures that it announces; it is cut off or damaged"


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov"])
def test_an_mp4_without_its_index_is_refused(videos: dict[str, Path], tmp_path: Path, name: str) -> None:
    content = videos[name].read_bytes()
    (half := tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(Refused, match="OpenCV finds no picture in it; is it whole"):
        list(frames_of(half))


def shown(announced: int, interval_ms: float, times_ms: Iterator[int] | range) -> Shown:
    one = Shown(announced, interval_ms)
    for at_ms in times_ms:
        one.add(at_ms)
    return one


@pytest.fixture(
    params=[b"RIFF\x04\0\0\0AVI ", b"\0\0\0\x20ftypisom", b"\x1a\x45\xdf\xa3", b"\x47"], ids=["avi", "mp4", "mkv", "ts"]
)
def container(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file that begins as such a video does."""
    path = tmp_path / "video"
    path.write_bytes(request.param)
    return path


def test_a_header_may_be_two_pictures_off_or_announce_none(container: Path) -> None:
    assert shown(102, 40, range(0, 4000, 40)).why_incomplete(container) is None
    assert shown(98, 40, range(0, 4000, 40)).why_incomplete(container) is None
    assert shown(0, 0, range(0, 4000, 40)).why_incomplete(container) is None


def test_a_header_that_announces_many_more_is_a_complaint_in_any_container(container: Path) -> None:
    said = "100 of the 200 pictures that it announces; it is cut off or damaged"
    assert shown(200, 40, range(0, 4000, 40)).why_incomplete(container) == said


def test_an_edit_that_leaves_pictures_out_is_no_complaint(tmp_path: Path) -> None:
    """The samples before an MP4's edit begins are counted and not shown: no time lacks a picture."""
    (path := tmp_path / "video").write_bytes(b"\0\0\0\x20ftypisom")
    assert shown(120, 4000 / 120, range(0, 4000, 40)).why_incomplete(path) is None


def test_pictures_at_an_uneven_rate_are_no_complaint_where_the_number_is_made_of_the_duration(tmp_path: Path) -> None:
    (path := tmp_path / "video").write_bytes(b"\x1a\x45\xdf\xa3")
    times = (40 * number + 17 * (number % 3) for number in range(0, 100, 2))
    assert shown(100, 40, times).why_incomplete(path) is None


def test_what_is_missing_is_named_once_and_counts_for_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    refusals = Refusals(MIB)
    for _ in range(2):  # as with --loop
        refusals.note("half.avi", Incomplete("21 of the 40 pictures that it announces; it is cut off or damaged"))
    assert refusals.count == 1
    assert capsys.readouterr().err == (
        "sparring: half.avi: not sent whole: 21 of the 40 pictures that it announces; it is cut off or damaged\n"
    )


def test_a_replay_counts_a_video_that_is_cut_off_as_refused_behind_its_pictures(
    videos: dict[str, Path], tmp_path: Path
) -> None:
    content = videos["clip.avi"].read_bytes()
    (half := tmp_path / "half.avi").write_bytes(content[: len(content) // 2])
    *frames, last = frames_of_files([str(half)], MIB)
    assert all(isinstance(one, ReplayFrame) for one in frames)
    assert isinstance(last, UnreadableFrame)
    assert last.why == f"{half}: {len(frames)} of the 40 pictures that it announces; it is cut off or damaged"
    assert last.number not in {one.number for one in frames if isinstance(one, ReplayFrame)}


def test_the_first_pictures_alone_are_no_complaint(videos: dict[str, Path], tmp_path: Path) -> None:
    """Who takes some of a video's frames does not read it to its end."""
    content = videos["clip.avi"].read_bytes()
    (half := tmp_path / "half.avi").write_bytes(content[: len(content) // 2])
    assert len(list(islice(frames_of(half), 5))) == 5


# --- folders --------------------------------------------------------------------------------


def test_what_is_left_out_of_a_folder_is_counted(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "elsewhere").mkdir()
    for name in ("a.jpg", "b.mjpeg", ".hidden.jpg", "notes.txt", "more/c.png"):
        (tmp_path / name).write_bytes(PNG)
    (tmp_path / "more" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "more" / "broken.jpg").symlink_to(tmp_path / "nowhere.jpg")
    found = find_files([str(tmp_path)])
    assert [path.name for path in found.files] == ["a.jpg", "b.mjpeg", "broken.jpg", "c.png"]
    assert found.left_out == 3
    refusals = Refusals(MIB)
    assert not refusals.passes(tmp_path / "more" / "broken.jpg")
    assert refusals.count == 1


def test_a_folder_that_cannot_be_read_is_an_error() -> None:
    with tempfile.TemporaryDirectory(prefix="sparring-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "a.jpg").write_bytes(JPEGS[0])
        (folder / "closed").mkdir(mode=0)
        is_root = os.geteuid() == 0
        if is_root:  # who may read every folder
            os.seteuid(65_534)
        try:
            with pytest.raises(PermissionError, match="closed"):
                find_files([name])
        finally:
            if is_root:
                os.seteuid(0)


def test_a_video_without_a_byte_is_refused(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.avi", "a.mjpeg", "a.jpg"):
        (tmp_path / name).touch()
        with pytest.raises(Refused):
            list(frames_of(tmp_path / name))


def test_a_picture_above_the_limit_is_no_recording(tmp_path: Path) -> None:
    (path := tmp_path / "a.jpg").write_bytes(JPEGS[0] + bytes(100_000))
    with pytest.raises(FrameTooLarge):
        list(frames_of(path, 50_000))


def test_a_good_video_has_as_many_frames_as_it_announces(tmp_path: Path) -> None:
    assert len(list(frames_of(write_video(tmp_path / "clip.mp4", 5)))) == 5
