"""What class numbers mean."""

from collections.abc import Sequence
from typing import Final

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
    """A class as a person reads it: `bottle`, or `class 39` where it has no name."""
    if class_names is not None and number in range(len(class_names)):
        return class_names[int(number)]
    return f"class {number:g}"
