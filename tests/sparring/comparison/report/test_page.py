"""The page: pictures with both sides' boxes, every text escaped, nothing from outside."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

import sparring
from sparring.comparison.report.pictures import SIDE_PX_MAX
from sparring.vision import encode_png
from tests.sparring.comparison.datasets import SCORES, answer, failed, write

BOX = (10, 20, 110, 80)
HOSTILE = "</title><script>alert('x')</script>&\"<b>"
GREY = np.full((1000, 2000, 3), 90, np.uint8)


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "frame.png"
    path.write_bytes(encode_png(GREY))
    return path


def page_of(tmp_path: Path, a: list[dict[str, object]], b: list[dict[str, object]], *names: str) -> str:
    sides = [write(tmp_path / name, rows, f"<i>{name}") for name, rows in (("a", a), ("b", b))]
    sparring.compare(*sides).save_html(tmp_path / "page.html", names or None)
    return (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_picture_is_embedded_small_with_the_boxes_of_both_sides_at_their_places(
    tmp_path: Path, picture: Path
) -> None:
    a = answer("x", [(BOX, 0, 0.9), ((0, 0, 5, 5), 1, 0.3)], source=str(picture), input_width=200, input_height=100)
    b = answer("x", [(BOX, 0, 0.4)], source=str(picture), input_width=200, input_height=100)
    page = page_of(tmp_path, [a], [b], "cup", "door")
    (image,) = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", page)
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(image), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == (SIDE_PX_MAX // 2, SIDE_PX_MAX, 3)
    assert 'x="45.0" y="90.0" width="450.0" height="270.0"' in page  # 900 / 200 times as large
    assert page.count('<g class="a matched">') == page.count('<g class="b matched">') == 1
    assert page.count('<g class="a lone">') == 1
    assert page.count('<g class="b lone">') == 0
    assert "cup 0.90 → 0.40" in page
    assert "only in A: door 0.30" in page


def test_labels_are_as_large_on_a_narrow_screen_as_on_a_wide_one(tmp_path: Path, picture: Path) -> None:
    row = answer("x", [((200, 100, 400, 300), 0, 0.9)], source=str(picture))
    page = page_of(tmp_path, [row], [answer("x", [])], "cup")
    sizes = dict(re.findall(r'<g class="(wide|narrow)" style="font-size:(.*?)px"><g class="label a">', page))
    assert sizes == {"wide": "12.0", "narrow": f"{12 * SIDE_PX_MAX / 320:.1f}"}


def test_labels_of_a_hundred_boxes_leave_most_of_the_picture_to_see_and_name_the_surest(
    tmp_path: Path, picture: Path
) -> None:
    boxes = [((20 * x, 100 * y, 20 * x + 15, 100 * y + 60), 0, (x + y) / 200) for x in range(100) for y in range(2)]
    row = answer("x", boxes, source=str(picture))
    page = page_of(tmp_path, [row], [answer("x", [])], "cup")
    (wide,) = re.findall(r'<g class="wide".*?<g class="narrow"', page)
    sizes = [(int(width), int(height)) for width, height in re.findall(r'width="(\d+)" height="(\d+)"', wide)]
    assert 10 < len(sizes) < 50
    assert sum(width * height for width, height in sizes) <= 900 * 450 / 8
    assert "cup 0.50" in wide
    assert "cup 0.00" not in wide


def test_where_the_models_input_size_is_unknown_boxes_are_in_pixels_of_the_picture(
    tmp_path: Path, picture: Path
) -> None:
    row = answer("x", [((200, 100, 400, 300), 0, 0.9)], source=str(picture))
    page = page_of(tmp_path, [row], [answer("x", [])])
    assert 'x="90.0" y="45.0" width="90.0" height="90.0"' in page


def test_every_text_is_escaped_and_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    a = [answer(HOSTILE, [(BOX, 0, 0.9)], source=HOSTILE), answer(f"only {HOSTILE}", [])]
    page = page_of(tmp_path, a, [failed(HOSTILE, HOSTILE)], HOSTILE)
    tags = Tags(page).found
    assert {"script", "b", "i", "link", "iframe"} & {tag for tag, _ in tags} == {"b"}
    assert len([tag for tag, _ in tags if tag == "b"]) == 1  # the change, ours
    assert "alert" in page
    for _, attributes in tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert "http://" not in page.replace("http-equiv", "")
    assert "https://" not in page
    assert "url(" not in page


def test_the_page_says_why_a_pair_has_no_picture(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    told = {
        "no": None,
        "gone": str(tmp_path / "gone.jpg"),
        "broken": str(tmp_path / "broken.jpg"),
        "topic": "sparring.frames/0/17",
    }
    rows = [answer(name, [(BOX, 0, 0.9)], source=source) for name, source in told.items()]
    page = page_of(tmp_path, rows, [answer(name, []) for name in told])
    for says in (
        "the dataset names no source",
        "there is no such file here",
        "are not a whole JPEG, PNG or WebP",
        "its frame lies in a topic, and no system is connected",
    ):
        assert f"no picture: {says}" in page or says in page, says
    assert page.count("<svg") == 4  # boxes on an empty field


def test_other_outputs_and_errors_stand_beside_the_picture(tmp_path: Path) -> None:
    a = write(tmp_path / "a", [answer("x", out_scores=[0.25, 0.75]), answer("y", out_scores=[1.0])], outputs=SCORES)
    b = write(tmp_path / "b", [answer("x", out_scores=[0.5, 0.25]), failed("y", "ModelGone")], outputs=SCORES)
    sparring.compare(a, b).save_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "0.25, 0.75 → 0.5, 0.25" in page
    assert "scores differs by 0.5" in page
    assert "ok -&gt; ModelGone" in page


def test_a_page_without_changes_says_so(tmp_path: Path) -> None:
    assert "No pair changed" in page_of(tmp_path, [answer("x", [])], [answer("x", [])])
    assert "no subject in common" in page_of(tmp_path / "other", [answer("x", [])], [answer("y", [])])


def test_boxes_that_are_no_numbers_and_far_away_do_not_break_the_page(tmp_path: Path) -> None:
    boxes = [((float("nan"), 0, 1e30, 5), 0, 0.5), ((float("-inf"), 0, float("inf"), 5), 0, 0.5)]
    page = page_of(tmp_path, [answer("x", boxes)], [answer("x", [])])
    assert not re.search(r'(x|y|width|height)="[^"]*(nan|inf|e)', page)


def test_a_notebook_shows_totals_and_what_changed_most_escaped(tmp_path: Path) -> None:
    sides = [write(tmp_path / "a", [answer(HOSTILE, [(BOX, 0, 0.9)])]), write(tmp_path / "b", [answer(HOSTILE, [])])]
    shown = sparring.compare(*sides)._repr_html_()
    assert "changed most" in shown
    assert "<script" not in shown
