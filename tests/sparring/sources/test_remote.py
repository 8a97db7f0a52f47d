"""Files and datasets in a bucket, as a replay reads them: found, fetched, and what cannot be read said in words."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import FrameTooLarge, Refused, SparringError
from schemas.frames import ARROW
from schemas.tables.read import read_arrow
from sparring.replay.dataset_frames import count_rows, frames_of_rows
from sparring.replay.frame import ReplayFrame
from sparring.replay.source import DatasetFrames
from sparring.sources.remote import fetched, find_remote, matches
from sparring.sources.store import plain
from tests.bucket import CHANGED_MS, Buckets, buckets

JPEG = b"\xff\xd8\xff"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Buckets]:
    """Reached as the page says: by the variables of whoever asks."""
    with buckets() as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{running.endpoint}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        for number in range(12):
            running.objects[f"/archive/october/{number:02}.jpg"] = JPEG + bytes([number])
        for other in ("notes.txt", ".hidden.jpg", "deep/a b.png", "deep/er/c.jpg", "[x].jpg"):
            running.objects[f"/archive/october/{other}"] = JPEG
        running.objects["/closed/a.jpg"] = JPEG
        running.denied.add("/closed")
        yield running


def named(uri: str) -> list[str]:
    return [plain(one).removeprefix("s3://archive/october/") for one in find_remote(uri)]


TWELVE = [f"{number:02}.jpg" for number in range(12)]


def test_a_folder_a_pattern_and_a_file_of_a_bucket_are_found_in_the_order_of_their_names(server: Buckets) -> None:
    assert server.endpoint
    whole = [*TWELVE, "%5Bx%5D.jpg", "deep/a%20b.png", "deep/er/c.jpg"]
    assert named("s3://archive/october") == named("s3://archive/october/") == whole
    assert named("s3://archive/october/*.jpg") == [*TWELVE, "%5Bx%5D.jpg"]
    assert named("s3://archive/october/0[1-3].jpg") == ["01.jpg", "02.jpg", "03.jpg"]
    assert named("s3://archive/**/*.jpg") == [*TWELVE, "%5Bx%5D.jpg", "deep/er/c.jpg"]
    assert named("s3://archive/o*/deep/*.png") == ["deep/a%20b.png"]
    assert named("s3://archive/october/[x].jpg") == ["%5Bx%5D.jpg"], "a name may look like a pattern"
    assert named("s3://archive/october/deep/a b.png") == named("s3://archive/october/deep/a%20b.png")


def test_what_is_found_is_fetched_under_its_own_name_and_a_frame_that_is_too_large_is_not(server: Buckets) -> None:
    (found,) = find_remote(f"s3://archive/october/deep/*.png?{server.options}")
    assert found == f"s3://archive/october/deep/a%20b.png?{server.options}"
    assert plain(found) == "s3://archive/october/deep/a%20b.png"
    with fetched(found, bytes_max=100) as (path, changed):
        assert (path.read_bytes(), path.suffix, changed) == (JPEG, ".png", CHANGED_MS)
    assert not path.exists()
    with pytest.raises(FrameTooLarge, match=r"^s3://archive/october/00.jpg: 4 bytes; expected at most 3"):
        fetched("s3://archive/october/00.jpg", bytes_max=3).__enter__()


def parquet(**columns: list[Any]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, row_group_size=2)
    return file.getvalue()


def test_a_dataset_in_a_bucket_is_read_in_the_order_of_its_files_and_rows(server: Buckets) -> None:
    tensor = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    server.objects["/archive/tables/1.parquet"] = parquet(tensor=tensor, image=[JPEG] * 3, camera=["a", "b", "c"])
    server.objects["/archive/tables/0.parquet"] = parquet(tensor=tensor[:1], image=[JPEG + b"0"], camera=["z"])
    source = DatasetFrames("s3://archive/tables", "parquet", "image", 7, "camera")
    assert count_rows(source) == 4
    frames = read(source)
    assert [frame.asked.subject for frame in frames] == [f"s3://archive/tables#{number}" for number in range(4)]
    assert [(frame.key, frame.value) for frame in frames[:2]] == [(b"z", JPEG + b"0"), (b"a", JPEG)]
    uri = f"s3://archive/tables/1.parquet?{server.options}"
    (first, *_) = read(DatasetFrames(uri, "parquet", "tensor", 7))
    assert first.asked.subject == "s3://archive/tables/1.parquet#0", "how it is reached is no part of its name"
    assert first.headers == [("content-type", ARROW.encode())]
    assert read_arrow(first.value)["tensor"].to_pylist() == [[1.0, 2.0]]


def read(source: DatasetFrames) -> list[ReplayFrame]:
    """Its frames; no row is unreadable."""
    found = list(frames_of_rows(source))
    frames = [one for one in found if isinstance(one, ReplayFrame)]
    assert len(frames) == len(found)
    return frames


def of_files(uri: str) -> object:
    return find_remote(uri)


def of_rows(uri: str) -> object:
    return count_rows(DatasetFrames(uri, "parquet", "image", 7))


@pytest.mark.parametrize("read", [of_files, of_rows])
@pytest.mark.parametrize(
    ("uri", "kind", "says"),
    [
        ("s3://nobody/a", FileNotFoundError, "there is no bucket 'nobody'; expected one that is; AWS_ENDPOINT_URL"),
        ("s3://archive/november", FileNotFoundError, "there is no such file or folder"),
        ("s3://closed/a.jpg", PermissionError, "access denied; expected .* AWS_ACCESS_KEY_ID and AWS_SECRET"),
        ("s3://archive/a?x=1", SparringError, "Unexpected query parameter"),
        ("s3://archive/../a", SparringError, "expected a folder, or a URI"),
        ("s4://archive/a", SparringError, "Unrecognized filesystem type .* expected one such as s3://bucket/folder"),
        ("s3://key:hush@archive/a", SparringError, "the journal keeps it: expected no password in it; AWS_ACCESS_KEY"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_name_what_was_expected_and_what_to_do(
    server: Buckets, read: Callable[[str], object], uri: str, kind: type[Exception], says: str
) -> None:
    assert server.endpoint
    with pytest.raises(kind, match=says) as raised:
        read(uri)
    assert uri.partition("?")[0].replace("key:hush@", "") in str(raised.value)
    assert "hush" not in str(raised.value)


def test_a_pattern_that_matches_nothing_and_a_file_that_is_no_dataset_are_named(
    server: Buckets, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match=r"^s3://archive/october/\*\.gif: no file matches"):
        find_remote("s3://archive/october/*.gif")
    server.objects["/archive/notes/a.txt"] = b""
    with pytest.raises(FileNotFoundError, match=r"^s3://archive/notes: no file has a frame's name; expected"):
        find_remote("s3://archive/notes")
    (tmp_path / "a.parquet").write_bytes(JPEG)
    for uri in (str(tmp_path / "a.parquet"), "s3://archive/october/00.jpg"):
        with pytest.raises(SparringError, match=f"^{uri} is no parquet dataset: "):
            of_rows(uri)
    server.objects["/archive/tables/1.parquet"] = parquet(tensor=[[1]])
    with pytest.raises(Refused, match=r"^s3://archive/tables/1.parquet has no column 'image'; it has tensor$"):
        of_rows(f"s3://archive/tables/1.parquet?{server.options}")


def test_a_pattern_matches_as_on_a_disk() -> None:
    for pattern, path in (("**", "a/b"), ("**/*.jpg", "a.jpg"), ("a/**/b", "a/b"), ("a/**/b", "a/x/y/b"), (".*", ".a")):
        assert matches(path.split("/"), pattern.split("/")), (pattern, path)
    for pattern, path in (
        ("*", "a/b"),
        ("*", ".a"),
        ("**/*", ".a/b"),
        ("**", "a/.b"),
        ("a/*", "a"),
        ("*.JPG", "a.jpg"),
    ):
        assert not matches(path.split("/"), pattern.split("/")), (pattern, path)
