"""A Python step: the head of DETR and its relatives becomes boxes.

It runs in a model's process, after the detector, in hosts that were started with permission for Python steps. It stands
alone in its file because the file itself is what gets uploaded: it may import numpy, nothing else.
"""

import numpy as np
import numpy.typing as npt

INPUT_PX = (800, 800)  # width and height of the model's input: DETR's boxes are shares of it
CONFIDENCE_MIN = 0.5  # a box is kept


def process(arrays: dict[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
    """Boxes of one picture, best first. Such models need no NMS.

    Takes DETR's `logits`, float [1, n, classes + 1], the last for "no object", and `pred_boxes`, float [1, n, 4]: x, y
    of the centre, width and height as shares of the input. Or what RT-DETR and D-FINE give with their postprocessing:
    `labels`, int [1, n], `boxes`, float [1, n, 4], x1, y1, x2, y2, and `scores`, float [1, n].

    Gives `boxes`, float32 [4n], flat x1, y1, x2, y2: DETR's in pixels of its input, the others' as they came;
    `classes`, int64 [n]; `confidences`, float32 [n]. ValueError for other names or more than one picture.

    Source: facebookresearch/detr, `PostProcess`.
    """
    if arrays.keys() >= {"logits", "pred_boxes"}:
        logits = _of_one(arrays, "logits")
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = (powers / powers.sum(axis=1, keepdims=True))[:, :-1]
        classes, confidences = shares.argmax(axis=1), shares.max(axis=1)
        centre, half = np.split(_of_one(arrays, "pred_boxes"), [2], axis=1)
        boxes = np.concatenate((centre - half / 2, centre + half / 2), axis=1) * np.tile(INPUT_PX, 2)
    elif arrays.keys() >= {"labels", "boxes", "scores"}:
        classes, boxes, confidences = (_of_one(arrays, name) for name in ("labels", "boxes", "scores"))
    else:
        raise ValueError(f"{', '.join(arrays)} came; expected logits and pred_boxes, or labels, boxes and scores")
    found = np.flatnonzero(confidences > CONFIDENCE_MIN)
    found = found[np.argsort(-confidences[found], kind="stable")]
    return {
        "boxes": boxes[found].astype(np.float32).ravel(),
        "classes": classes[found].astype(np.int64),
        "confidences": confidences[found].astype(np.float32),
    }


def _of_one(arrays: dict[str, npt.NDArray[np.generic]], name: str) -> npt.NDArray[np.float64]:
    if arrays[name].shape[0] != 1:
        raise ValueError(f"{name} has shape {arrays[name].shape}; expected one picture's, [1, n, ...]")
    return np.asarray(arrays[name][0], np.float64)
