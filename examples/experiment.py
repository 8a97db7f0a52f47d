"""One experiment: frames go out at a camera's pace, answers come back, each model gets its score.

The demo runs two of them. Frames and answers travel through `stream.py`; what a person sees of it is `table.py`.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from examples.camera import FRAME_HEIGHT, FRAME_WIDTH
from examples.found import found_labels
from examples.score import Score
from examples.shelf import Shelf
from examples.stream import Answer, Backend, Camera
from examples.text_boxes import process

SILENCE_S_MAX: Final = 30.0
"""Waiting longer than this for the next answer means that something is broken."""

_SHOWN_AGAIN_AFTER_S: Final = 0.2


@dataclass(frozen=True)
class Detections:
    """One model's answer to one frame: boxes [n, 4], confidences [n], and which of the true labels are found, [m]."""

    boxes: npt.NDArray[np.float32]
    confidences: npt.NDArray[np.float32]
    found: npt.NDArray[np.bool_]


@dataclass
class Experiment:
    """What came of the frames sent so far. `parts`: answers per frame, the official one and its challengers'."""

    title: str
    shelves: Sequence[Future[Shelf]]
    parts: int = 1
    sent_at_ms: dict[str, int] = field(default_factory=dict)
    shelf_of: dict[str, Shelf] = field(default_factory=dict)
    scores: dict[tuple[str, str], Score] = field(default_factory=dict)
    detections: dict[str, dict[str, Detections]] = field(default_factory=dict)
    """By request id and model."""
    errors: list[str] = field(default_factory=list)

    @property
    def frames(self) -> int:
        """How many frames are to be sent."""
        return len(self.shelves)

    @property
    def answered(self) -> int:
        """How many answers came, errors too."""
        return sum(score.answers for score in self.scores.values()) + len(self.errors)

    @property
    def done(self) -> bool:
        """Whether every answer is there."""
        return self.answered >= self.frames * self.parts

    def shares(self) -> list[tuple[Score, float]]:
        """Each model's score, best known first, and its share of the answers on its topic."""
        of_topic = {score.topic: 0 for score in self.scores.values()}
        for score in self.scores.values():
            of_topic[score.topic] += score.answers
        return [(self.scores[key], self.scores[key].answers / of_topic[key[1]]) for key in sorted(self.scores)]

    def add(self, answer: Answer) -> None:
        """Score one answer. One that belongs to no frame of this experiment, or that came twice, is left out."""
        shelf = self.shelf_of.get(answer.request_id)
        heard = self.detections.setdefault(answer.request_id, {})
        if shelf is None or answer.model in heard:
            return
        if answer.error:
            self.errors.append(f"{answer.request_id} on {answer.topic}: {answer.error}")
            return
        seen = heard[answer.model] = _detections(answer.arrays, shelf)
        key = (answer.model, answer.topic)
        score = self.scores.setdefault(key, Score(answer.model, answer.role, answer.topic))
        score.answers += 1
        score.labels_true += len(shelf.labels)
        score.labels_found += int(seen.found.sum())
        score.confidences += seen.confidences.tolist()
        score.latencies_ms.append(answer.published_at_ms - self.sent_at_ms[answer.request_id])
        score.infer_ms.append(answer.infer_ms)


def run(
    experiment: Experiment,
    camera: Camera,
    backend: Backend,
    fps: float,
    run_id: str,
    show: Callable[[Experiment], None],
) -> Experiment:
    """Send every frame, `fps` a second, and score every answer; `show` is called some times a second.

    Raises:
        TimeoutError: no answer for SILENCE_S_MAX after the last frame; it says what is missing.
        KafkaError: the broker does not answer.
    """
    waiting = list(enumerate(experiment.shelves))
    due_s = shown_s = heard_s = time.monotonic()
    while not experiment.done:
        now_s = time.monotonic()
        if waiting and now_s >= due_s:
            number, rendering = waiting.pop(0)
            request_id, shelf = f"{run_id}-{number:04}", rendering.result()
            experiment.shelf_of[request_id] = shelf
            experiment.sent_at_ms[request_id] = camera.send(request_id, shelf.jpeg())
            due_s = max(due_s + 1 / fps, now_s)
            heard_s = now_s
        next_s = min(due_s, shown_s + _SHOWN_AGAIN_AFTER_S) if waiting else shown_s + _SHOWN_AGAIN_AFTER_S
        if (answer := backend.read(next_s - time.monotonic())) is not None:
            experiment.add(answer)
            heard_s = now_s
        if now_s - heard_s > SILENCE_S_MAX:
            wanted = experiment.frames * experiment.parts
            raise TimeoutError(
                f"{wanted - experiment.answered} of {wanted} answers did not come in {SILENCE_S_MAX:g} s"
            )
        if now_s - shown_s >= _SHOWN_AGAIN_AFTER_S:
            show(experiment)
            shown_s = now_s
    show(experiment)
    return experiment


def _detections(arrays: dict[str, npt.NDArray[Any]], shelf: Shelf) -> Detections:
    if "boxes" not in arrays:
        # Steps after a shadow see only the champion's outputs: what a challenger gives is recorded as it is, here a
        # probability map. To compare the two, the same step is applied to it here, by whoever evaluates the experiment.
        (probability,) = arrays.values()
        arrays = process({"probability": probability.reshape(1, 1, FRAME_HEIGHT, FRAME_WIDTH)})
    boxes = np.asarray(arrays["boxes"], np.float32).reshape(-1, 4)
    return Detections(boxes, np.asarray(arrays["confidences"], np.float32), found_labels(shelf.labels, boxes))
