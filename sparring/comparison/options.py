"""What a comparison goes by. Checked where it is made, in the words of the SDK."""

import math
from dataclasses import dataclass
from typing import Final, Literal, Self, get_args

from sparring.checks import checked_bool, checked_number, checked_text

BoxFormat = Literal["xyxy", "xywh"]
BOX_FORMATS: Final = get_args(BoxFormat)
IOU: Final = 0.5
FIELDS: Final = ("boxes", "classes", "confidences")


@dataclass(frozen=True, slots=True)
class Options:
    """How boxes are found and matched.

    iou: two boxes match from this intersection over union on, above 0 to 1. any_class: boxes of two classes match
    too. confidence_min: boxes below are left out on both sides. boxes, classes, confidences: names of outputs.
    box_format: xyxy, x1 y1 x2 y2; xywh, x1 y1 width height.
    """

    iou: float = IOU
    any_class: bool = False
    confidence_min: float = 0.0
    boxes: str = "boxes"
    classes: str = "classes"
    confidences: str = "confidences"
    box_format: BoxFormat = "xyxy"

    @classmethod
    def checked(
        cls,
        iou: object,
        any_class: object,
        confidence_min: object,
        fields: tuple[object, object, object],
        box_format: object,
    ) -> Self:
        """Raises TypeError or ValueError, which begins with the argument's name."""
        least = checked_number("confidence_min", confidence_min)
        if math.isnan(least):
            raise ValueError(f"confidence_min: {least}; expected a number, as 0.3")
        threshold = checked_number("iou", iou)
        if not 0 < threshold <= 1:
            raise ValueError(f"iou: {threshold}; expected a number above 0, at most 1")
        if box_format not in ("xyxy", "xywh"):
            raise ValueError(f"box_format: {box_format!r}; expected {' or '.join(map(repr, BOX_FORMATS))}")
        boxes, classes, confidences = (
            checked_text(argument, name, "the name of an output") for argument, name in zip(FIELDS, fields, strict=True)
        )
        either = checked_bool("any_class", any_class)
        form: BoxFormat = "xyxy" if box_format == "xyxy" else "xywh"
        return cls(float(threshold), either, float(least), boxes, classes, confidences, form)
