"""Which true labels a detector found: the numbers in the demo's table, the colours in its picture. Pure."""

import numpy as np
import numpy.typing as npt


def found_labels(
    labels: npt.NDArray[np.float32], boxes: npt.NDArray[np.float32], coverage: float = 0.5, fill: float = 0.2
) -> npt.NDArray[np.bool_]:
    """For each of `labels`, [n] bool: is it found by one of `boxes`? Both [n, 4] or flat [4n], x1, y1, x2, y2, pixels.

    A label is found by a box that covers at least the share `coverage` of it and that it fills to at least the
    share `fill`, so a box over half the frame finds nothing. One box finds one label, its best; two boxes on one
    label find it once.
    """
    labels, boxes = labels.reshape(-1, 4), boxes.reshape(-1, 4)
    found = np.zeros(len(labels), np.bool_)
    if not len(labels) or not len(boxes):
        return found
    low = np.maximum(labels[:, None, :2], boxes[None, :, :2])
    high = np.minimum(labels[:, None, 2:], boxes[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    covered = shared / _areas(labels)[:, None]
    filled = shared / np.maximum(_areas(boxes), 1e-9)[None, :]
    hits = np.where((covered >= coverage) & (filled >= fill), covered, 0)
    found[hits.argmax(axis=0)[hits.max(axis=0) > 0]] = True
    return found


def _areas(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
