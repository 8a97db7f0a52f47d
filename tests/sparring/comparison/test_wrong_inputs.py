"""Wrong inputs of `sparring.compare` and of what it returns, refused by the argument's name. It reaches no system."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sparring
from tests.sparring.comparison.datasets import answer, write
from tests.sparring.test_wrong_inputs import BOOL, HALF, NAN, Row, each, named

ROWS: list[Row] = [
    *each(("compare",), *((side, 7, TypeError, "int; expected the path of a folder") for side in ("a", "b", "out"))),
    ("compare", "a", None, TypeError, "NoneType; expected the path of a folder"),
    *each(("compare",), *((side, "absent", FileNotFoundError, "there is no such folder") for side in ("a", "b"))),
    ("compare", "iou", "0.5", TypeError, "'0.5'; expected a number"),
    ("compare", "iou", 0, ValueError, "0; expected a number above 0, at most 1"),
    ("compare", "iou", NAN, ValueError, "nan; expected a number above 0, at most 1"),
    ("compare", "any_class", "no", TypeError, f"'no'; {BOOL}"),
    ("compare", "confidence_min", "0.5", TypeError, "'0.5'; expected a number"),
    ("compare", "confidence_min", NAN, ValueError, "nan; expected a number, as 0.3"),
    *each(
        ("compare",),
        *(
            (field, 7, TypeError, "int; expected the name of an output")
            for field in ("boxes", "classes", "confidences")
        ),
        *((field, HALF, ValueError, "cannot be written as UTF-8") for field in ("boxes", "classes", "confidences")),
        *((side, 7, TypeError, "int; expected a model's name, or None") for side in ("model_a", "model_b")),
    ),
    ("compare", "box_format", "yxyx", ValueError, "'yxyx'; expected 'xyxy' or 'xywh'"),
    ("compare", "box_format", ["xyxy"], ValueError, r"\['xyxy'\]; expected 'xyxy' or 'xywh'"),
    ("compare", "client", "localhost", TypeError, "str; expected a Client, or None"),
    ("compare", "progress", "bar", TypeError, "str; expected a function of text and two numbers, or None"),
    ("Comparison.save_html", "path", 7, TypeError, "int; expected the path of a file"),
    (
        "Comparison.save_html",
        "class_names",
        "imagenet",
        TypeError,
        "'imagenet'; expected a list of text, one per class",
    ),
    ("Comparison.save_html", "class_names", [HALF], ValueError, "cannot be written as UTF-8"),
    ("Comparison.save_html", "client", "localhost", TypeError, "str; expected a Client, or None"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("compared") / "a", [answer("x", [((0, 0, 1, 1), 1, 0.5)])])


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_wrong_input_is_refused_by_its_name(folder: Path, tmp_path: Path, row: Row) -> None:
    call, argument, wrong, error, says = row
    calls: dict[str, tuple[Callable[..., object], dict[str, Any]]] = {
        "compare": (sparring.compare, {"a": folder, "b": folder}),
        "Comparison.save_html": (sparring.compare(folder, folder).save_html, {"path": tmp_path / "page.html"}),
    }
    called, right = calls[call]
    with pytest.raises(error) as refused:
        called(**{**right, argument: wrong})
    assert type(refused.value) is error
    assert re.match(f"{argument}: (?s:.*)(?:{says})", str(refused.value)), str(refused.value)
    assert not (tmp_path / "page.html").exists()
