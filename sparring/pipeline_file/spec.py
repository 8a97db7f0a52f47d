"""What a pipeline file says, checked as far as the file alone can tell. Models are still names."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.names import PipelineName
from schemas.pipelines import Validation
from sparring.framework import Framework
from sparring.pipeline_file.yaml import YamlNode


@dataclass(frozen=True, slots=True)
class ModelName:
    """`yolox`: the newest version; `yolox@3b0e...`: that one. place: where the file says it."""

    name: str
    version: str | None
    place: YamlNode


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A file to be uploaded where it is not the newest version already. shown: the path as it is written.
    arguments: of `configure()`; None: left as configured."""

    name: str
    path: Path
    shown: str
    framework: Framework
    arguments: Mapping[str, Any] | None
    place: YamlNode


@dataclass(frozen=True, slots=True)
class ModelStepSpec:
    """One model."""

    model: ModelName
    place: YamlNode


@dataclass(frozen=True, slots=True)
class SplitSpec:
    """Weights as they are given."""

    weights: tuple[tuple[int | float, ModelName], ...]
    hash_key: str | None
    place: YamlNode


@dataclass(frozen=True, slots=True)
class ShadowSpec:
    """A champion and its challengers."""

    champion: ModelName
    challengers: tuple[ModelName, ...]
    share: float
    place: YamlNode


StepSpec = ModelStepSpec | SplitSpec | ShadowSpec


@dataclass(frozen=True, slots=True)
class PipelineSpec:
    """One file. tags: None: left as they are."""

    pipeline: PipelineName
    tags: tuple[str, ...] | None
    models: tuple[ModelSpec, ...]
    steps: tuple[StepSpec, ...]
    validations: tuple[Validation, ...]
    frame_age_ms_max: int | None
    deployed: bool
