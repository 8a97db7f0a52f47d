"""What a result of `infer` or a row of `logs()` found, drawn on its picture."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sparring.checks import checked_number, checked_picture, checked_text
from sparring.vision.coco import checked_names
from sparring.vision.drawing import COLOURS, Layer, confident, draw_layers, legend
from sparring.vision.pictures import Image, enlarged
from sparring.vision.places import boxes_on_picture

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def draw_result(
    image: Image,
    result: "pd.DataFrame | pa.Table",
    row: int = 0,
    class_names: Sequence[str] | str | None = None,
    confidence_min: float = 0.0,
    champion: str = "champion",
) -> Image:
    """The picture with the boxes of every model in one row of a result: the official answer's, and those of each
    challenger that gives boxes, in colours of their own, with a legend.

    Args:
        image: uint8 RGB [height, width, 3], the picture that the model saw, as `load_image` returns it: the boxes
            are in pixels of it.
        result: of `infer` or `logs`, with the columns `out.boxes`, and where the model has them `out.classes` and
            `out.confidences`; a challenger's are `out_<name>.boxes` and so on.
        row: counted from 0.
        class_names: by class number; `'coco'`: the 80 names of COCO; None: the numbers are shown.
        confidence_min: boxes below are left out.
        champion: what the legend calls the model that answered.

    Returns:
        A new picture; a small one is enlarged, so that labels have room.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: the result has no `out.boxes`, no such row, or they do not fit together.
    """
    names = checked_names(class_names)
    checked_picture("image", image)
    least = checked_number("confidence_min", confidence_min)
    if math.isnan(least):
        raise ValueError(f"confidence_min: {least}; expected a number, as 0.5")
    checked_text("champion", champion, "text for the legend")
    cells = _cells(result, row)
    if cells.get("out.boxes") is None:
        raise ValueError(f"result: it has the columns {', '.join(cells)}; expected out.boxes, with boxes in row {row}")
    larger = enlarged(image)
    layers = []
    for number, (group, title) in enumerate(_models(cells, champion)):
        classes, confidences = (cells.get(f"{group}.{name}") for name in ("classes", "confidences"))
        placed = boxes_on_picture(cells[f"{group}.boxes"], larger, (image.shape[1], image.shape[0]), "stretch")
        layer = Layer(placed, classes, confidences, names, COLOURS[number % len(COLOURS)])
        kept = confident(layer, least)
        layers.append(replace(kept, title=f"{title}: {len(kept.boxes)} of {len(placed)} boxes"))  # type: ignore[arg-type]
    return legend(draw_layers(larger, layers), layers)


def _models(cells: Mapping[str, Any], champion: str) -> Iterator[tuple[str, str]]:
    """The columns' group and the legend's title of each model with boxes."""
    yield "out", champion
    for column in cells:
        group, dot, name = column.rpartition(".")
        if dot and name == "boxes" and group.startswith("out_") and cells[column] is not None:
            yield group, group.removeprefix("out_")


def _cells(result: "pd.DataFrame | pa.Table", row: object) -> dict[str, Any]:
    """One row, by column."""
    import pandas as pd  # noqa: PLC0415  # drawing alone needs none of both
    import pyarrow as pa  # noqa: PLC0415

    if not isinstance(result, pd.DataFrame | pa.Table):
        raise TypeError(f"result: {type(result).__name__}; expected a pandas.DataFrame or a pyarrow.Table, as of infer")
    rows = result.num_rows if isinstance(result, pa.Table) else len(result)
    if isinstance(row, bool) or not isinstance(row, int) or not 0 <= row < rows:
        raise ValueError(f"row: {row!r}; expected 0 to {rows - 1}" if rows else "result: it has no rows")
    if isinstance(result, pa.Table):
        return {name: result.column(name)[row].as_py() for name in result.column_names}
    return {str(name): result[name].iloc[row] for name in result.columns}
