"""Checks of a pipeline version before it is live: can it answer at all?

`deploy()`, `rollback()` and `sparring pipeline apply` call `check_version`. It compares what the steps declare with
each other, and with what requests and answers can hold. What is unknown before a request (a free dimension, the
shapes of a Python step) is not refused. No I/O.
"""

from collections.abc import Iterator
from itertools import pairwise
from math import prod
from typing import Final

import numpy as np

from schemas.errors import Refused
from schemas.limits import RESULT_BYTES_MAX
from schemas.models import PinnedModel, TensorSpec
from schemas.pictures.inputs import check_beside, may_take_a_picture
from schemas.pipelines import PipelineVersion, ShadowDeploy, Step, step_models
from schemas.results import SMALLER_ANSWERS
from schemas.signatures import check_dtypes
from schemas.tables.casting import TEXT
from schemas.wiring import why_unfit, wire_step

MODEL_SPLIT: Final = "_model_split"
"""The column `out._model_split` of a result is the decision of a random split."""

ANOMALY: Final = "anomaly."
"""Columns of a result with this prefix are validations."""


def check_version(version: PipelineVersion) -> None:
    """ValueError that names the step, model, output or rule that can never work, and what to do."""
    for pinned in version.models():
        check_signature_of(pinned)
    check_pictures(version)
    check_wiring(version)
    for pinned in answering(version):
        check_answer(pinned)
    check_validations(version)


def check_signature_of(pinned: PinnedModel) -> None:
    """ValueError if a model has no schemas, no inputs, or a dtype that requests and answers cannot hold.

    Earlier versions of sparring accepted more dtypes.
    """
    if pinned.configuration.runtime == "python" and not (pinned.inputs and pinned.outputs):
        raise ValueError(
            f"steps: {pinned.model.name} is a Python step without schemas; "
            "configure('python', input_schema=..., output_schema=...) declares them"
        )
    if not pinned.inputs:
        raise ValueError(
            f"steps: {pinned.model.name} has no inputs, so that no request can feed it; expected at least one"
        )
    try:
        check_dtypes(pinned.inputs, pinned.outputs)
    except ValueError as error:
        raise ValueError(f"steps: {pinned.model.name}: {error}") from None


def check_pictures(version: PipelineVersion) -> None:
    """ValueError if image settings do not fit the models that get the frames.

    A model without settings may take tables only: its process refuses the pictures that it cannot take.
    """
    for pinned in (model for step in version.steps[:1] for model in step_models(step)):
        settings = pinned.configuration.image
        if settings.is_default or not any(may_take_a_picture(spec) for spec in pinned.inputs):
            continue
        try:
            check_beside(pinned.inputs, settings)
        except Refused as refusal:
            raise ValueError(
                f"steps: the image settings of {pinned.model.name} do not fit it, configure(image=...) sets them anew: "
                f"{refusal.message}"
            ) from None


def check_wiring(version: PipelineVersion) -> None:
    """ValueError if a step cannot take the outputs of the step before; it names both models."""
    for index, (before, step) in enumerate(pairwise(version.steps), start=1):
        for producer in official(before):
            for consumer in step_models(step):
                if why := _why_not_after(producer, consumer):
                    names = f"step {index}, {consumer.model.name}, cannot follow {producer.model.name}"
                    raise ValueError(f"steps: {names}: {why}")


def check_answer(pinned: PinnedModel) -> None:
    """ValueError if an output takes the name of another column of results, or the outputs exceed a result's size."""
    for spec in pinned.outputs:
        if spec.name.startswith(ANOMALY) or spec.name == MODEL_SPLIT:
            shows = "validations" if spec.name.startswith(ANOMALY) else "what a random split chose"
            raise ValueError(
                f"steps: {pinned.model.name} answers with the output {spec.name!r}; results have a column of that "
                f"name that shows {shows}: rename the output in the model, or add a step that does"
            )
    least = {spec: _bytes_at_least(spec, pinned) for spec in pinned.outputs}
    if (total := sum(least.values())) > RESULT_BYTES_MAX:
        largest = max(least, key=lambda spec: least[spec])
        declared = f"{largest.dtype} {largest.shown_shape}"
        raise ValueError(
            f"steps: every answer of {pinned.model.name} has {total:.0f} bytes or more, expected at most "
            f"{RESULT_BYTES_MAX}: its output {largest.name!r} is {declared}; {SMALLER_ANSWERS}"
        )


def check_validations(version: PipelineVersion) -> None:
    """ValueError if a rule is not one boolean per row over inputs and outputs; it names rule and reason."""
    if not version.validations:
        return
    from adapters.rules import why_not  # noqa: PLC0415  # polars, only where there are rules

    for rule in version.validations:
        for consumer in step_models(version.steps[0]):
            for producer in official(version.steps[-1]):
                inputs, outputs = (
                    {spec.name: spec.dtype for spec in specs} for specs in (consumer.inputs, producer.outputs)
                )
                if (why := why_not(rule, inputs, outputs)) is not None:
                    raise ValueError(f"validation {rule.name!r} cannot be evaluated over {producer.model.name}: {why}")


def official(step: Step) -> tuple[PinnedModel, ...]:
    """The models of a step whose outputs the next step sees."""
    models = step_models(step)
    return models[:1] if isinstance(step, ShadowDeploy) else models


def answering(version: PipelineVersion) -> Iterator[PinnedModel]:
    """The models whose outputs are an answer: those of the last step, and each challenger, which ends its own path."""
    for step in version.steps:
        if isinstance(step, ShadowDeploy):
            yield from step.challengers
    yield from official(version.steps[-1])


def _why_not_after(producer: PinnedModel, consumer: PinnedModel) -> str:
    outputs, inputs = ({spec.name: spec for spec in specs} for specs in (producer.outputs, consumer.inputs))
    fields = consumer.configuration.tensor_fields
    try:
        wires = wire_step(tuple(outputs), tuple(inputs), fields)
    except ValueError as error:
        return str(error)
    if fields is not None and 0 < sum(name in outputs for name in fields) < len(fields):
        lost = ", ".join(repr(name) for name in fields if name not in outputs)
        return f"its tensor_fields name {lost}, which is no output of the step before: {', '.join(outputs)}"
    reasons = (why_unfit(outputs[source], inputs[name]) for name, source in wires.items())
    return next(filter(None, reasons), "")


def _bytes_at_least(spec: TensorSpec, pinned: PinnedModel) -> float:
    """The smallest size of an output in any answer.

    A free first dimension is the batch, at least one row, if an input has one too. Any other free dimension can be 0.
    """
    if not spec.shape or spec.dtype == TEXT:
        return 0
    batched = any(taken.shape and taken.shape[0] is None for taken in pinned.inputs)
    sizes = [1 if size is None and axis == 0 and batched else size or 0 for axis, size in enumerate(spec.shape)]
    bytes_each = 1 / 8 if spec.dtype == "bool" else np.dtype(spec.dtype).itemsize
    return prod(sizes) * bytes_each
