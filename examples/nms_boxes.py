"""A Python step: a detector that has its NMS inside, as Ultralytics exports it with `nms=True`, or as YOLOv10 is.

It runs in a model's process, after the detector, in hosts that were started with permission for Python steps. It stands
alone in its file because the file itself is what gets uploaded: it may import numpy, nothing else.
"""

import numpy as np
import numpy.typing as npt

CONFIDENCE_MIN = 0.25  # a box is kept; rows that such models fill up with have 0


def process(arrays: dict[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
    """Boxes of one picture, best first.

    Takes one array, float [1, n, 6]: x1, y1, x2, y2 in pixels of the model's input, confidence, class. Gives `boxes`,
    float32 [4n], flat; `classes`, int64 [n]; `confidences`, float32 [n]. ValueError for another shape.
    """
    (found,) = arrays.values()
    if found.ndim != 3 or found.shape[0] != 1 or found.shape[2] != 6:
        raise ValueError(f"{found.shape} came; expected [1, n, 6]")
    rows = np.asarray(found[0], np.float32)
    rows = rows[rows[:, 4] > CONFIDENCE_MIN]
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    return {
        "boxes": rows[:, :4].ravel(),
        "classes": rows[:, 5].astype(np.int64),
        "confidences": np.ascontiguousarray(rows[:, 4]),
    }
