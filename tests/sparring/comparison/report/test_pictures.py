"""Where pictures lie, and how they are found there again: as a replay names them."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import sparring
from adapters.settings import Settings
from schemas.limits import PARTITIONS
from sparring import Client
from sparring.comparison import buckets as laying
from sparring.comparison.report.pictures import Picture, find_pictures, picture_sizes
from sparring.replay.dataset_frames import frames_of_rows
from sparring.replay.frame import ReplayFrame
from sparring.replay.source import DatasetFrames
from sparring.vision import encode_png
from tests.bucket import Buckets, buckets
from tests.sparring.comparison.datasets import answer, write

BOX = (10, 20, 110, 80)


def png(grey: int, width: int = 32, height: int = 24) -> bytes:
    return encode_png(np.full((height, width, 3), grey, np.uint8))


def greys(found: dict[str, Picture | str]) -> dict[str, int | str]:
    """How bright each picture is, to the next ten."""
    told: dict[str, int | str] = {}
    for source, one in found.items():
        if isinstance(one, str):
            told[source] = one
            continue
        image = cv2.imdecode(np.frombuffer(one.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert image is not None
        told[source] = 10 * round(float(image.mean()) / 10)
    return told


def parquet(**columns: list[Any]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, row_group_size=2)
    return file.getvalue()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "v.avi"
    written = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for grey in (0, 120, 240):
        written.write(np.full((48, 64, 3), grey, np.uint8))
    written.release()
    return path


def test_pictures_are_found_in_files_and_in_videos_by_their_number(tmp_path: Path, video: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(50))
    (tmp_path / "like a video.avi#1").write_bytes(png(100))
    wanted: dict[str, int | str] = {"v.avi#2": 240, "v.avi#0": 0, "a.png": 50, "like a video.avi#1": 100}
    wanted |= {"v.avi#3": "it has no such picture", "w.avi#0": "there is no such file here"}
    found = greys(find_pictures([str(tmp_path / name) for name in wanted], None))
    assert found == {str(tmp_path / name): told for name, told in wanted.items()}
    assert video.is_file()


def read(source: DatasetFrames) -> Iterator[ReplayFrame]:
    return (frame for frame in frames_of_rows(source) if isinstance(frame, ReplayFrame))


def test_a_datasets_row_is_the_picture_of_the_column_that_was_replayed(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    masks, images = [png(10, 8, 8)] * 3, [{"bytes": png(200)}, {"bytes": None}, None]
    pq.write_table(pa.table({"mask": masks, "an image #1": images, "text": ["a", "b", "c"]}), path)
    source = DatasetFrames(str(path), "parquet", "an image #1", 0)
    first = next(read(source)).asked.source
    assert first == f"{path}#an%20image%20%231#0"
    wanted: dict[str, Any] = {
        first: 200,
        f"{path}#mask#2": 10,
        f"{path}#an%20image%20%231#1": "the row has no image",
        f"{path}#an%20image%20%231#2": "the row has no image",
        f"{path}#mask#3": "it has no such picture",
        f"{path}#text#0": "column 'text' holds no encoded images",
        f"{path}#label#0": "the dataset has no column 'label'",
        f"{tmp_path}/gone.parquet#mask#0": "there is no such file here",
    }
    assert greys(find_pictures(wanted, None)) == wanted
    assert picture_sizes([first, f"{path}#mask#0"], None) == {first: (32, 24), f"{path}#mask#0": (8, 8)}


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_rows_of_a_folder_are_found_by_the_numbers_that_a_replay_gave_them(tmp_path: Path, kind: Any) -> None:
    folder = tmp_path / "ds"
    bright = {"b": [10, 20, 30], "a/z": [40, 50], "c": [60]}
    for name, some in bright.items():
        path = folder / f"{name}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.table({"image": [png(grey) for grey in some]})
        if kind == "parquet":
            pq.write_table(table, path, row_group_size=2)
        else:
            pyarrow.feather.write_feather(table, path, "uncompressed")
    replayed = {frame.asked.source: frame.value for frame in read(DatasetFrames(str(folder), kind, "image", 0))}
    assert list(replayed) == [f"{folder}#image#{number}" for number in range(6)]
    by_bytes = {png(grey): grey for some in bright.values() for grey in some}
    assert greys(find_pictures(replayed, None)) == {source: by_bytes[value] for source, value in replayed.items()}
    assert greys(find_pictures([f"{folder}#image#4"], None)) == {f"{folder}#image#4": 30}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Buckets]:
    """Reached by the variables of whoever asks."""
    with buckets() as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{running.endpoint}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        yield running


def test_pictures_are_fetched_from_a_bucket(server: Buckets, video: Path) -> None:
    server.objects["/archive/a b.png"] = png(50)
    server.objects["/archive/v.avi"] = video.read_bytes()
    server.objects["/archive/tables/1.parquet"] = parquet(image=[png(10), png(20), png(30)])
    server.objects["/archive/tables/0.parquet"] = parquet(image=[png(40)])
    server.objects["/closed/a.png"] = png(0)
    server.denied.add("/closed")
    wanted = {
        "s3://archive/a%20b.png": 50,
        "s3://archive/v.avi#1": 120,
        "s3://archive/tables#image#0": 40,
        "s3://archive/tables#image#3": 30,
        "s3://archive/tables/1.parquet#image#0": 10,
    }
    assert greys(find_pictures(wanted, None)) == wanted
    told = find_pictures(["s3://archive/gone.png", "s3://nobody/tables#image#0", "s3://closed/a.png"], None)
    assert str(told["s3://archive/gone.png"]).startswith("s3://archive/gone.png: there is no such file")
    assert "there is no bucket 'nobody'" in str(told["s3://nobody/tables#image#0"])
    assert "access denied" in str(told["s3://closed/a.png"])


def test_a_dataset_does_not_choose_to_whom_our_keys_are_shown(server: Buckets) -> None:
    server.objects["/archive/a.png"] = png(50)
    source = f"s3://archive/a.png?{server.options}"
    (why,) = find_pictures([source], None).values()
    assert why == "its URI has options; expected none: the environment says how a store is reached"


@pytest.fixture
def _silent_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers for any bucket."""
    with buckets() as gone:
        endpoint = gone.endpoint
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{endpoint}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.mark.usefixtures("_silent_store")
def test_a_store_that_does_not_answer_is_asked_once_by_a_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(laying, "BUCKET_ROWS", 1)
    box = ((0, 0, 9, 9), 1, 0.5)
    rows = [answer(f"{number}", [box], source=f"s3://archive/{number}.png") for number in range(5)]
    size: dict[str, object] = {"input_width": 320, "input_height": 320}
    a, b = (
        write(tmp_path / aspect, [row | size | {"input_aspect": aspect} for row in rows])
        for aspect in ("letterbox", "stretch")
    )
    assert list(sparring.compare(a, b).totals["not_compared"].values()) == [5], "all for the first one's reason"


@pytest.mark.usefixtures("_silent_store")
def test_a_store_that_does_not_answer_is_asked_once() -> None:
    found = find_pictures([f"s3://archive/{number}.png" for number in range(3)] + ["s3://archive/t#image#0"], None)
    assert len(found) == 4
    assert {str(why).partition(": ")[0] for why in found.values()} == {"s3://archive/0.png cannot be read"}


def test_pictures_are_fetched_from_their_topic_while_it_has_them(settings: Settings, tmp_path: Path) -> None:
    with Client(settings) as client:
        broker = client._connection.broker  # noqa: SLF001 (a frame as a camera sends it, without a pipeline)
        offset = broker.send(settings.topics.frames, png(90))
        (partition,) = [one for one in range(PARTITIONS) if broker.end(settings.topics.frames, one) > offset]
        there, gone = (f"{settings.topics.frames}/{partition}/{place}" for place in (offset, offset + 1))
        rows = [answer(name, [(BOX, 0, 0.9)], source=name) for name in (there, gone)]
        sides = [write(tmp_path / "a", rows), write(tmp_path / "b", [answer(name, []) for name in (there, gone)])]
        sparring.compare(*sides).save_html(tmp_path / "page.html", client=client)
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/jpeg") == 1
    assert "its topic has the frame no longer" in page
