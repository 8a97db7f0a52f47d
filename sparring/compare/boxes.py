"""Boxes of two answers matched by intersection over union, greedy by confidence. Pure.

The boxes of the first answer take their turn in falling confidence; each takes, of the second answer's boxes that are
still free, the one that overlaps it most, if that is at least the threshold: the rule of the PASCAL VOC and COCO
evaluations (Everingham et al., 2010; Lin et al., 2014), with one answer in the place of the truth.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Boxes:
    """One answer. corners: [n, 4], x1, y1, x2, y2, in any unit; classes: [n] or None; confidences: [n] or None."""

    corners: Floats
    classes: Floats | None = None
    confidences: Floats | None = None

    def __len__(self) -> int:
        return len(self.corners)


@dataclass(frozen=True, slots=True)
class Matched:
    """pairs: [k, 2], places in the two answers, in the order in which they were matched; ious: [k]."""

    pairs: Ints
    ious: Floats


def match(first: Boxes, second: Boxes, iou_min: float, *, any_class: bool = False) -> Matched:
    """Match the boxes of two answers.

    Args:
        first: whose boxes take their turn.
        second: whose boxes are taken, each at most once.
        iou_min: of a pair, above 0, at most 1.
        any_class: match boxes of different classes as well.
    """
    if not len(first) or not len(second):
        return Matched(np.empty((0, 2), np.int64), np.empty(0))
    overlap = ious(first.corners, second.corners)
    if not any_class and first.classes is not None and second.classes is not None:
        overlap = np.where(first.classes[:, None] == second.classes[None, :], overlap, 0.0)
    order = range(len(first)) if first.confidences is None else np.argsort(-first.confidences, kind="stable")
    pairs, found = [], []
    for one in order:
        other = int(np.argmax(overlap[one]))
        best = float(overlap[one, other])
        if best >= iou_min:
            pairs.append((int(one), other))
            found.append(best)
            overlap[:, other] = -1.0
    return Matched(np.array(pairs, np.int64).reshape(-1, 2), np.array(found))


def ious(first: Floats, second: Floats) -> Floats:
    """Intersection over union of each with each: [n, m]. A box without area overlaps nothing."""
    left_top = np.maximum(first[:, None, :2], second[None, :, :2])
    right_bottom = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(right_bottom - left_top, 0.0, None), axis=2)
    areas = [np.prod(np.clip(one[:, 2:] - one[:, :2], 0.0, None), axis=1) for one in (first, second)]
    together = areas[0][:, None] + areas[1][None, :] - shared
    result: Floats = np.divide(shared, together, out=np.zeros_like(shared), where=together > 0)
    return result
