"""The steps and rules of a pipeline handle: those of the latest version, until an edit. Pure."""

from collections.abc import Callable, Sequence
from uuid import uuid4

import numpy as np

from adapters.clock import now_ms
from schemas.catalog import Catalog
from schemas.models import PinnedModel
from schemas.names import PipelineName
from schemas.pipelines import PipelineVersion, Step, Validation, replace_models
from sparring.checks import checked_text


class Draft:
    """Steps, validation rules and the largest frame age. latest: returns the version that an edit starts from."""

    def __init__(self, latest: Callable[[], PipelineVersion], steps: Sequence[Step] | None) -> None:
        self._latest = latest
        self._steps = None if steps is None else list(steps)
        self._rules: dict[str, Validation] | None = None if steps is None else {}
        self._frame_age_ms_max: int | None = None

    @property
    def edited(self) -> bool:
        """Whether an edit has changed it since the latest version."""
        return self._steps is not None

    @property
    def steps(self) -> list[Step]:
        """A copy."""
        return list(self._latest().steps if self._steps is None else self._steps)

    @property
    def rules(self) -> dict[str, Validation]:
        """A copy, by name."""
        if self._rules is None:
            return {rule.name: rule for rule in self._latest().validations}
        return dict(self._rules)

    @property
    def frame_age_ms_max(self) -> int | None:
        """Milliseconds; None: frames of any age are answered."""
        return self._frame_age_ms_max if self.edited else self._latest().frame_age_ms_max

    def allow_frame_age(self, frame_age_ms_max: int | None) -> None:
        """Set the largest frame age, milliseconds; None: any."""
        self._edit(self.steps, self.rules)
        self._frame_age_ms_max = frame_age_ms_max

    def append(self, step: Step) -> None:
        """Add a step at the end."""
        self._edit([*self.steps, step], self.rules)

    def replace(self, index: int, step: Step) -> None:
        """Replace the step at `index`; ValueError outside 0..len-1."""
        steps = self.steps
        steps[_checked_index(index, steps, len(self.rules))] = step
        self._edit(steps, self.rules)

    def remove(self, index: int) -> None:
        """Drop the step at `index`; ValueError outside 0..len-1."""
        steps = self.steps
        del steps[_checked_index(index, steps, len(self.rules))]
        self._edit(steps, self.rules)

    def clear(self) -> None:
        """Drop all steps, and the rules that look at their outputs."""
        self._edit([], {})

    def add_rules(self, rules: dict[str, Validation]) -> None:
        """Add rules; a rule of an existing name is replaced."""
        self._edit(self.steps, {**self.rules, **rules})

    def remove_rule(self, name: object) -> None:
        """Drop one rule; ValueError if no rule has this name."""
        checked_text("name", name, "the name of a rule")
        rules = self.rules
        if name not in rules:
            raise ValueError(f"name: {name!r}; expected one of {sorted(rules)}")
        del rules[name]
        self._edit(self.steps, rules)

    def version(self, name: PipelineName, catalog: Catalog) -> PipelineVersion:
        """A new version of it, with each model's newest configuration."""

        def newest(pinned: PinnedModel) -> PinnedModel:
            return PinnedModel(pinned.model, catalog.configurations.get(pinned.key, pinned.configuration))

        steps = tuple(replace_models(step, newest) for step in self.steps)
        return PipelineVersion(
            name.workspace, name.name, str(uuid4()), steps, now_ms(), tuple(self.rules.values()), self.frame_age_ms_max
        )

    def forget(self) -> None:
        """Drop the edits."""
        self._steps = self._rules = None

    def _edit(self, steps: list[Step], rules: dict[str, Validation]) -> None:
        self._frame_age_ms_max = self.frame_age_ms_max  # the latest version's, read before the draft counts as edited
        self._steps, self._rules = steps, rules


def _checked_index(index: object, steps: Sequence[Step], checks: int = 0) -> int:
    """The index as an int; ValueError outside 0..len-1. checks: number of validations, which `steps()` lists last."""
    if isinstance(index, bool) or not isinstance(index, int | np.integer):
        raise TypeError(f"index: {index!r}; expected a whole number")
    if not 0 <= index < len(steps):
        what = f"0 to {len(steps) - 1}" if steps else "none: the pipeline has no steps"
        if len(steps) <= index < len(steps) + checks:
            what += "; a Check is a validation: add_validations and remove_validation change it by its name"
        raise ValueError(f"index: {index}; expected {what}")
    return int(index)
