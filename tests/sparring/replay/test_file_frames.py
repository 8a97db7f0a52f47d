"""Files as frames: one that cannot be read does not end the others, nor move their numbers."""

from pathlib import Path

from sparring.replay.file_frames import frames_of_files
from sparring.replay.frame import ReplayFrame, UnreadableFrame
from tests.sparring.replay.test_dataset_frames import JPEG
from tests.video import write_video


def read(*paths: Path) -> tuple[dict[int, str], list[str]]:
    """By their numbers the names of the frames; why others are none."""
    found = list(frames_of_files([str(path) for path in paths], 1_000_000))
    frames = {one.number: Path(one.asked.subject).name for one in found if isinstance(one, ReplayFrame)}
    return frames, [one.why for one in found if isinstance(one, UnreadableFrame)]


def test_an_empty_a_vanished_and_an_oversized_file_are_named_and_the_others_are_read(tmp_path: Path) -> None:
    names = ("a.jpg", "empty.jpg", "gone.jpg", "large.jpg", "z.jpg")
    paths = [tmp_path / name for name in names]
    for path in (paths[0], paths[4]):
        path.write_bytes(JPEG)
    paths[1].touch()
    paths[3].write_bytes(JPEG * 100_000)
    frames, refused = read(*paths)
    assert frames == {0: "a.jpg", 4: "z.jpg"}
    empty, gone, large = refused
    assert empty.startswith(f"{paths[1]}: a file that begins b''")
    assert gone == f"{paths[2]}: No such file or directory"
    assert large.startswith(f"{paths[3]}: the file: 2200000 bytes; expected at most 1000000")


def test_a_video_that_is_mended_has_the_numbers_that_it_would_have_had_and_moves_no_others(tmp_path: Path) -> None:
    video, picture = tmp_path / "clip.mp4", tmp_path / "z.jpg"
    picture.write_bytes(JPEG)
    video.touch()
    frames, (refused,) = read(video, picture)
    assert frames == {1: "z.jpg"}
    assert refused.startswith(f"{video}: by its name (.mp4) it is a video, but ")
    write_video(video, 3)
    again, none = read(video, picture)
    assert not none
    assert again.pop(1) == "z.jpg"
    assert sorted(again.values()) == ["clip.mp4#0", "clip.mp4#1", "clip.mp4#2"]
