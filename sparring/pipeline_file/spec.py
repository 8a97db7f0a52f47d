"""What a pipeline file states, checked as far as the file alone allows. Models are still names."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.names import PipelineName
from schemas.pipelines import Validation
from sparring.framework import Framework
from sparring.pipeline_file.yaml import Node


@dataclass(frozen=True, slots=True)
class ModelReference:
    """A model that a step names: `yolox` or `yolox@3b0e1c2d`."""

    name: str
    version: str | None
    """A uuid or its beginning; None: the newest version."""
    node: Node


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model file. It is uploaded unless the newest version of the model has the same bytes."""

    name: str
    path: Path
    shown: str
    """The path as the file has it."""
    framework: Framework
    arguments: Mapping[str, Any] | None
    """Arguments of `configure()`; None: the configuration stays as it is."""
    node: Node


@dataclass(frozen=True, slots=True)
class ModelStepSpec:
    """A step with one model."""

    model: ModelReference
    node: Node


@dataclass(frozen=True, slots=True)
class RandomSplitSpec:
    """A random split."""

    weights: tuple[tuple[int | float, ModelReference], ...]
    """As written: whole numbers stay whole, and the sum is above 0."""
    hash_key: str | None
    node: Node


@dataclass(frozen=True, slots=True)
class ShadowDeploySpec:
    """A champion and its challengers."""

    champion: ModelReference
    challengers: tuple[ModelReference, ...]
    share: float
    """Share of the requests that the challengers get, 0.0 to 1.0."""
    node: Node


StepSpec = ModelStepSpec | RandomSplitSpec | ShadowDeploySpec


@dataclass(frozen=True, slots=True)
class PipelineSpec:
    """One pipeline file."""

    pipeline: PipelineName
    tags: tuple[str, ...] | None
    """None: the tags stay as they are."""
    models: tuple[ModelSpec, ...]
    steps: tuple[StepSpec, ...]
    validations: tuple[Validation, ...]
    frame_age_ms_max: int | None
    """Milliseconds; None: frames of any age are answered."""
    deployed: bool
