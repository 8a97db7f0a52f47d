"""What class numbers mean."""

from collections.abc import Sequence
from typing import Final

from sparring.checks import checked_number, checked_texts

COCO: Final = "coco"
COCO_NAMES: Final = tuple(
    """
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign,
    parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella,
    handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard,
    surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange,
    broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
    mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors,
    teddy bear, hair drier, toothbrush
    """.replace("\n    ", " ")
    .strip()
    .split(", ")
)
"""The 80 classes of COCO, in the order in which detectors trained on it number them."""


def class_name(number: float, class_names: Sequence[str] | None) -> str:
    """A class as a person reads it: `bottle`, or `class 39` where its `number` has no name in `class_names`."""
    number = checked_number("number", number)
    names = checked_class_names(class_names)
    if names is not None and number in range(len(names)):
        return names[int(number)]
    return f"class {number:g}"


def checked_class_names(class_names: object) -> Sequence[str] | None:
    """Names by class number, or None; TypeError for anything else."""
    if class_names is None or class_names is COCO_NAMES:
        return None if class_names is None else COCO_NAMES
    return checked_texts("class_names", class_names, "a list of text, one per class number")


def checked_names(class_names: object) -> Sequence[str] | None:
    """As `checked_class_names`, and `'coco'` for the 80 names of COCO."""
    if class_names is None or (isinstance(class_names, str) and class_names == COCO):
        return None if class_names is None else COCO_NAMES
    return checked_texts("class_names", class_names, f"a list of text, one per class number, or {COCO!r}")
