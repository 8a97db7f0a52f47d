"""Wrong inputs of `sparring.vision`, refused by the argument's name. It reaches no system: nothing could be sent."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sparring import vision
from sparring.vision import Layer
from tests.sparring.test_wrong_inputs import BOOL, HALF, NAN, Row, each, named

GREY = np.full((24, 32, 3), 90, np.uint8)
RESULT = pd.DataFrame({"out.boxes": [[1.0, 2.0, 3.0, 4.0]]})
PICTURE = "expected uint8 [height, width, 3], RGB".replace("[", r"\[").replace("]", r"\]")
NAMES = "expected a list of text, one per class number"
DRAWS = ("draw", "draw_layers", "draw_result", "legend", "encode_png", "enlarged", "boxes_on_picture")

ROWS: list[Row] = [
    *each(
        DRAWS,
        ("image", "frame.png", TypeError, f"str; {PICTURE}"),
        ("image", None, TypeError, f"NoneType; {PICTURE}"),
        ("image", GREY[:, :, 0], ValueError, rf"uint8 \[24, 32\]; {PICTURE}"),
        ("image", GREY / 255, ValueError, rf"float64 \[24, 32, 3\]; {PICTURE}"),
        ("image", GREY[:0], ValueError, rf"uint8 \[0, 32, 3\]; {PICTURE}"),
    ),
    *each(
        ("draw", "boxes_on_picture"),
        ("boxes", "x", ValueError, "expected four for each: x1, y1, x2, y2"),
        ("boxes", None, ValueError, "expected four for each: x1, y1, x2, y2"),
        ("boxes", [1, 2, 3], ValueError, r"\[3\] numbers; expected four for each: x1, y1, x2, y2"),
    ),
    ("boxes_on_picture", "size", 7, TypeError, "7; expected a pair of pixels, width and height"),
    ("boxes_on_picture", "size", (640, "480"), TypeError, "expected a pair of pixels, width and height"),
    ("boxes_on_picture", "size", (640, 0), ValueError, r"\(640, 0\); expected at least 1 pixel each"),
    ("boxes_on_picture", "aspect", "fill", ValueError, "'fill'; expected 'stretch' or 'letterbox' or 'crop'"),
    ("boxes_on_picture", "aspect", 7, ValueError, "7; expected 'stretch' or 'letterbox' or 'crop'"),
    ("boxes_on_picture", "place", "middle", ValueError, "'middle'; expected 'upper-left' or 'centre'"),
    ("boxes_on_picture", "rounding", "up", ValueError, "'up'; expected 'nearest' or 'down'"),
    ("boxes_on_picture", "resize_shorter", 0, ValueError, "0; expected"),
    ("class_name", "number", "x", TypeError, "'x'; expected a number"),
    ("class_name", "class_names", "coco", TypeError, f"'coco'; {NAMES}"),
    ("class_name", "class_names", 7, TypeError, f"int; {NAMES}"),
    ("class_name", "class_names", [1], TypeError, f"1 is no text; {NAMES}"),
    ("confident", "layer", [1, 2, 3, 4], TypeError, "list; expected a Layer"),
    *each(
        ("confident", "draw_result"),
        ("confidence_min", "0.5", TypeError, "'0.5'; expected a number"),
        ("confidence_min", NAN, ValueError, "nan; expected a number, as 0.5"),
    ),
    ("decode", "value", "frame.jpg", TypeError, "str; expected the bytes of a JPEG, PNG or WebP"),
    ("decode", "value", b"hello", ValueError, "5 bytes .* are not a whole JPEG, PNG or WebP"),
    ("decode", "exif", "no", TypeError, f"'no'; {BOOL}"),
    ("draw", "classes", [1, 2], ValueError, "2 for 1 boxes; expected one for each"),
    ("draw", "classes", ["a"], ValueError, "expected a number for each box"),
    ("draw", "confidences", [0.5, 0.5], ValueError, "2 for 1 boxes; expected one for each"),
    ("draw", "confidences", ["high"], ValueError, "expected a number for each box"),
    ("draw", "class_names", "imagenet", TypeError, f"'imagenet'; {NAMES}"),
    ("draw", "class_names", [7], TypeError, f"7 is no text; {NAMES}"),
    ("draw", "colour", "red", TypeError, "'red'; expected three whole numbers from 0 to 255: red, green, blue"),
    ("draw", "colour", (0, 0, 256), ValueError, r"\(0, 0, 256\); expected three whole numbers from 0 to 255"),
    *each(
        ("draw_layers", "legend"),
        ("layers", 7, TypeError, "int; expected a list of Layer"),
        ("layers", Layer([]), TypeError, "Layer; expected a list of Layer"),
        ("layers", [[1, 2, 3, 4]], TypeError, "list; expected a list of Layer"),
    ),
    ("draw_result", "result", [1], TypeError, "list; expected a pandas.DataFrame or a pyarrow.Table"),
    ("draw_result", "result", RESULT[:0], ValueError, "it has no rows"),
    ("draw_result", "result", pd.DataFrame({"x": [1]}), ValueError, "it has the columns x; expected out.boxes"),
    ("draw_result", "row", 1, ValueError, "1; expected 0 to 0"),
    ("draw_result", "row", "0", ValueError, "'0'; expected 0 to 0"),
    ("draw_result", "class_names", "imagenet", TypeError, f"'imagenet'; {NAMES}, or 'coco'"),
    ("draw_result", "class_names", [7], TypeError, f"7 is no text; {NAMES}, or 'coco'"),
    ("draw_result", "champion", 7, TypeError, "int; expected text for the legend"),
    ("draw_result", "champion", HALF, ValueError, "cannot be written as UTF-8; expected text for the legend"),
    ("enlarged", "side_px_min", "960", TypeError, "'960'; expected a whole number"),
    ("enlarged", "side_px_min", -1, ValueError, "-1; expected 1 to"),
    ("load_image", "path", 7, TypeError, "int; expected the path of an image"),
    ("load_image", "path", "absent.jpg", FileNotFoundError, "absent.jpg is no file"),
    ("load_image", "path", Path(__file__), ValueError, "are not a whole JPEG, PNG or WebP"),
    *each(
        ("load_image",),
        *((side, "480", TypeError, "'480'; expected a whole number of pixels") for side in ("width", "height")),
        *((side, 0, ValueError, "0; expected at least 1 pixel") for side in ("width", "height")),
    ),
]

RIGHT: dict[str, dict[str, Any]] = {
    "boxes_on_picture": {"boxes": [1, 2, 3, 4], "image": GREY, "size": (64, 48), "aspect": "stretch"},
    "class_name": {"number": 1, "class_names": None},
    "confident": {"layer": Layer([]), "confidence_min": 0.5},
    "decode": {"value": vision.encode_png(GREY)},
    "draw": {"image": GREY, "boxes": [1, 2, 3, 4]},
    "draw_layers": {"image": GREY, "layers": []},
    "draw_result": {"image": GREY, "result": RESULT},
    "encode_png": {"image": GREY},
    "enlarged": {"image": GREY},
    "legend": {"image": GREY, "layers": [Layer([])]},
    "load_image": {"path": "absent.jpg", "width": 640, "height": 480},
}


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_wrong_picture_box_or_name_is_refused_by_its_name(row: Row) -> None:
    name, argument, wrong, error, says = row
    call: Callable[..., object] = getattr(vision, name)
    with pytest.raises(error) as refused:
        call(**{**RIGHT[name], argument: wrong})
    assert type(refused.value) is error
    assert re.match(f"{argument}: (?s:.*)(?:{says})", str(refused.value)), refused.value
