"""What both experiments say together: the demo's last sentences, and the frame worth looking at. Pure."""

from dataclasses import dataclass

from examples.experiment import Detections, Experiment
from examples.score import Score
from examples.shelf import Shelf


@dataclass(frozen=True)
class Outcome:
    """A champion and a challenger, compared on different frames (split) and on the same ones (shadow)."""

    champion: str
    challenger: str
    split: Experiment
    shadow: Experiment

    def official(self) -> str:
        """Whose answers the shop got during the shadow deploy."""
        official = self.shadow.scores.get((self.champion, "results"))
        recorded = self.shadow.scores.get((self.challenger, "shadows"))
        return (
            f"The shop got {official.answers if official else 0} answers on `results`, all the champion's. "
            f"The challenger's {recorded.answers if recorded else 0} are on `shadows`: recorded, never official."
        )

    def most_different(self) -> tuple[Shelf, dict[str, Detections]]:
        """The frame on which the models' numbers of found labels differ most. ValueError where none has both."""
        both = [one for one, seen in self.shadow.detections.items() if {self.champion, self.challenger} <= seen.keys()]
        if not both:
            raise ValueError("no frame has an answer of both models: nothing can be compared")

        def difference(request_id: str) -> int:
            seen = self.shadow.detections[request_id]
            return abs(int(seen[self.champion].found.sum()) - int(seen[self.challenger].found.sum()))

        chosen = max(both, key=difference)
        return self.shadow.shelf_of[chosen], self.shadow.detections[chosen]

    def verdict(self) -> str:
        """Which model found more on the same frames, at what cost in time, and whether the split agrees."""
        more, less = sorted((self._shadow(name) for name in (self.champion, self.challenger)), key=_found, reverse=True)
        frames = f"On the same {self.shadow.frames} frames"
        if more.labels_found == less.labels_found:
            found = (
                f"{frames} both found {more.labels_found} of {more.labels_true} labels, {more.model} with {more.boxes} "
                f"boxes, {less.model} with {less.boxes}"
            )
        else:
            found = (
                f"{frames} {more.model} found {more.labels_found} of {more.labels_true} labels with {more.boxes} "
                f"boxes, {less.model} {less.labels_found} with {less.boxes}"
            )
        arms = {score.model: score for score, _ in self.split.shares()}
        if not {self.champion, self.challenger} <= arms.keys():
            return f"{found}; the split was too short to give each model a frame."
        champion, challenger = arms[self.champion], arms[self.challenger]
        return (
            f"{found}; in the split, on different frames, {champion.model} found {champion.recall:.0%} and "
            f"{challenger.model} {challenger.recall:.0%}. {challenger.model} takes {challenger.infer_ms_p50:.0f} ms a "
            f"frame, {champion.model} {champion.infer_ms_p50:.0f} ms: "
            f"{challenger.infer_ms_p50 / champion.infer_ms_p50:.1f} times as long."
        )

    def _shadow(self, model: str) -> Score:
        for score, _ in self.shadow.shares():
            if score.model == model:
                return score
        raise ValueError(f"{model} answered no frame of the shadow deploy: nothing can be compared")


def _found(score: Score) -> int:
    return score.labels_found
