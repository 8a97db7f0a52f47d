"""Model versions, how they are configured, and what their tensors look like.

The file of a model version never changes (its sha256 is its address in the model store). A
configuration stands beside it; a pipeline version pins the one that it was deployed with.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

from schemas.names import ModelKey

Framework = Literal["onnx", "python"]
Aspect = Literal["stretch", "letterbox", "crop"]
PicturePosition = Literal["upper-left", "centre"]
Rounding = Literal["nearest", "down"]


class TensorSpec(msgspec.Struct, frozen=True):
    """One input or output. dtype: numpy's name, `string` for text; shape: null where a dimension is free."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None = None
    """(): a scalar. None: of any rank; an ONNX file may declare no shape, a Python step declares none."""
    dimensions: tuple[str | None, ...] | None = None
    """Per dimension the name that the file gives it where it is free. None: the file names none."""
    per_row: bool | None = None
    """Of an output: whether its first dimension has one entry per row of the inputs, by the file. None: the file does
    not say, or was uploaded by a version that did not read this."""

    @property
    def shown_shape(self) -> str:
        """For people: `[batch, 3, ?]`, by the names of the free dimensions; `of any rank` where there is no shape."""
        if self.shape is None:
            return "of any rank"
        return shown_sizes(self.shape, self.dimensions)

    def __repr__(self) -> str:
        more = "" if self.dimensions is None else f", dimensions={self.dimensions!r}"
        more += "" if self.per_row is None else f", per_row={self.per_row!r}"
        return f"TensorSpec(name={self.name!r}, dtype={self.dtype!r}, shape={self.shape!r}{more})"


class GivenInput(msgspec.Struct, frozen=True):
    """What an input beside the picture's gets. values: numbers, or words of `schemas.pictures.inputs.WORDS`."""

    name: str
    values: tuple[str | float, ...]


def shown_sizes(sizes: Sequence[int | None], names: Sequence[str | None] | None = None) -> str:
    """A shape for people: `[1, 3, ?]`, or with the names of its free dimensions."""
    named = zip(sizes, names or (None,) * len(sizes), strict=True)
    return f"[{', '.join((name or '?') if size is None else str(size) for size, name in named)}]"


class ImageSettings(msgspec.Struct, frozen=True):
    """How an encoded image becomes the model's input tensor.

    The defaults are the tutorial's rule: RGB, bilinear resize of the uint8 picture without keeping
    the aspect, planes first, divided by 255, float32.

    value = (pixel * scale - mean[channel]) / std[channel], in the order of `colour`, for an input of floats; an input
    of uint8 gets the pixels.
    """

    width: int | None = None
    """Pixels; None: from the model's input shape, and the picture's own where that is free."""
    height: int | None = None
    colour: Literal["RGB", "BGR", "GRAY"] = "RGB"
    """An input of one channel gets grey, whatever stands here: 0.299 R + 0.587 G + 0.114 B."""
    scale: float = 1.0 / 255.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    layout: Literal["CHW", "HWC"] | None = None
    """None: HWC where the input's last dimension is 3 or 1 and its second is not, else CHW."""
    aspect: Aspect = "stretch"
    """letterbox keeps the aspect and pads; crop keeps it and cuts what is over, from the middle."""
    exif: bool = True
    """Apply the EXIF orientation of a JPEG."""
    pad: tuple[int, int, int] = (0, 0, 0)
    """The padding's pixel, 0 to 255, in the order of `colour`: before scale, mean and std."""
    place: PicturePosition = "upper-left"
    """Where a letterboxed picture lies."""
    rounding: Rounding = "nearest"
    """Of a letterboxed picture's sides."""
    resize_shorter: int | None = None
    """crop: pixels of the picture's shorter side before the crop; None: as small as covers the input."""
    inputs: tuple[GivenInput, ...] = ()
    """What the model's other inputs get."""

    @property
    def is_default(self) -> bool:
        """Whether nothing was configured. Catalogs of earlier versions store the layout CHW then."""
        return self in (_DEFAULT, _EARLIER_DEFAULT)


_DEFAULT = ImageSettings()
_EARLIER_DEFAULT = ImageSettings(layout="CHW")


class Configuration(msgspec.Struct, frozen=True):
    """What `configure()` set. Immutable: a new call makes a new one."""

    runtime: Framework
    tensor_fields: tuple[str, ...] | None = None
    """Input columns, in order, that feed the model's inputs by position."""
    batch_config: Literal["single"] | None = None
    """single: one row is the whole input with its batch dimension. None: rows stack on the batch axis."""
    inputs: tuple[TensorSpec, ...] | None = None
    """Declared by a Python step; an ONNX model's own are read from its file."""
    outputs: tuple[TensorSpec, ...] | None = None
    image: ImageSettings = ImageSettings()
    batch_rows_max: int = 1
    """Rows of several requests that may run together, where the batch dimension is free. 1: none."""
    batch_wait_ms_max: float = 0.0
    """How long a batch waits for more rows once it has its first."""
    class_names: tuple[str, ...] | None = None
    """By class number, for pictures and tables that people look at. None: the numbers are shown."""
    outputs_per_row: bool | None = None
    """Whether each output has an entry per row on its first dimension, as configured. None: as the file declares."""


class ModelVersion(msgspec.Struct, frozen=True):
    """An uploaded file. created_at in Unix milliseconds."""

    workspace: str
    name: str
    version: str
    sha256: str
    framework: Framework
    file_name: str
    size_bytes: int
    created_at: int
    inputs: tuple[TensorSpec, ...]
    """Read from the file at upload; empty for a Python step until it is configured."""
    outputs: tuple[TensorSpec, ...]

    @property
    def key(self) -> ModelKey:
        """Workspace, name and version."""
        return ModelKey(self.workspace, self.name, self.version)


class PinnedModel(msgspec.Struct, frozen=True):
    """A model version with the configuration that a pipeline version was deployed with."""

    model: ModelVersion
    configuration: Configuration

    @property
    def key(self) -> ModelKey:
        """Workspace, name and version."""
        return self.model.key

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Declared inputs, else the file's own."""
        return self.model.inputs if self.configuration.inputs is None else self.configuration.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Declared outputs, else the file's own."""
        return self.model.outputs if self.configuration.outputs is None else self.configuration.outputs

    @property
    def outputs_per_row(self) -> bool:
        """Whether each output is known to have one entry per row on its first dimension: as configured, else as the
        file says. Never by what one run gives."""
        stated = self.configuration.outputs_per_row
        return all(spec.per_row is True for spec in self.outputs) if stated is None else stated

    def stacks(self, rows: int) -> bool:
        """Whether `rows` rows may be one run: each input has a first dimension of that size, and each output gives
        every row its own entry."""
        if self.configuration.batch_config == "single" or not self.outputs_per_row:
            return False
        shapes = [spec.shape for spec in self.inputs]
        return all(shape is None or (len(shape) > 0 and shape[0] in (None, rows)) for shape in shapes)


def arm_names(models: Sequence[PinnedModel]) -> tuple[str, ...]:
    """The arms' names within one step: the model's name, so that a new version keeps its keys;
    `name@version` where two versions of one name stand together."""
    seen = Counter(pinned.model.name for pinned in models)
    return tuple(
        pinned.model.name if seen[pinned.model.name] == 1 else f"{pinned.model.name}@{pinned.model.version}"
        for pinned in models
    )
