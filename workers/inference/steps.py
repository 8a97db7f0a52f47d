"""One loaded model: an ONNX Runtime session, or the function of a Python step.

`run` takes named arrays and returns named arrays. Several threads may call it at once; a Python step must keep no
state between calls.
"""

import linecache
import logging
import traceback
from collections.abc import Callable, Mapping
from functools import cached_property
from types import CodeType
from typing import Any, Final, Protocol

import numpy as np

from adapters.onnx_runtime import onnxruntime
from adapters.settings import InferenceSettings
from schemas.errors import Refused, SparringError
from schemas.models import PinnedModel, TensorSpec
from schemas.pictures.inputs import picture_input
from schemas.tables.casting import TEXT, Array
from schemas.tables.fitting import Arrays
from workers.inference.independence import random_array, why_not_independent
from workers.inference.request_inputs import picture_inputs

log = logging.getLogger(__name__)

PROCESS: Final = "process"
"""The name of a Python step's function."""

_ONLY_ERRORS: Final = 3

FREE_SIZE: Final = 1
"""The size of a free dimension in the warm-up run."""
FREE_SIZE_PROBED: Final = 3
"""The size of a free dimension behind the first in a probed row: with size 1, a Reshape that mixes rows does not."""
FREE_PICTURE: Final = (480, 640)
"""Height and width in pixels of the warm-up picture, if the model leaves them free."""


class LoadedModel(Protocol):
    """What both kinds of step provide."""

    pinned: PinnedModel

    @property
    def independent(self) -> bool:
        """Whether a row's outputs are the same alone and beside other rows."""
        ...

    def run(self, arrays: Arrays) -> Arrays:
        """Outputs by name. Raises Refused if these inputs cannot be run."""
        ...


def load_model(pinned: PinnedModel, content: bytes, settings: InferenceSettings) -> LoadedModel:
    """A session or a function made of the file's bytes. A session runs once with zeros, so that it is warm.

    Raises:
        SparringError: the file cannot be loaded, or this process may not run Python steps.
    """
    if pinned.configuration.runtime == "python":
        if not settings.allow_python:
            raise SparringError(
                f"{pinned.key} is a Python step and this process may not run any; start its host with "
                "SPARRING_ALLOW_PYTHON=true"
            )
        return PythonStep(pinned, content)
    model = OnnxModel(pinned, content, settings)
    model.warm_up()
    if pinned.configuration.batch_rows_max > 1 and pinned.outputs_per_row:
        # The probe runs now: the first requests that share a run would wait for it.
        log.info("%s: requests %s runs", pinned.key, "share" if model.independent else "do not share")
    return model


class OnnxModel:
    """An ONNX Runtime session at its default optimisation level: with a lower level, results differ in bits."""

    def __init__(self, pinned: PinnedModel, content: bytes, settings: InferenceSettings) -> None:
        self.pinned = pinned
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings.intra_op_threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ONLY_ERRORS
        # A thread that spins while it waits uses a core that another process needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=list(settings.providers))
        except Exception as error:
            # Its error classes have no common base; each of them means that it cannot load this file.
            raise SparringError(f"{pinned.key} cannot be loaded: {_last_line(error)}") from error
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, arrays: Arrays) -> Arrays:
        """Outputs by name. Raises Refused with ONNX Runtime's message."""
        try:
            values = self._session.run(self._outputs, arrays)
        except Exception as error:
            # ONNX Runtime raises many classes, each because of these inputs: the session stays usable.
            raise Refused("StepFailed", f"model {self.pinned.model.name}: {_last_line(error)}", "infer") from error
        return {name: np.asarray(value) for name, value in zip(self._outputs, values, strict=True)}

    def warm_up(self) -> None:
        """One run with a black picture, or with zeros if the model takes no picture.

        A model whose work depends on the data may refuse them; it is warm as well.
        """
        try:
            self.run(_example(self.pinned))
        except Refused:
            return

    @cached_property
    def independent(self) -> bool:
        """Probed on first use: a model that only ever gets single rows never runs with two."""
        fixed = any(spec.shape is not None and spec.shape[:1] not in ((), (None,)) for spec in self.pinned.inputs)
        reason = why_not_independent(self.run, self._random_row, rows_fixed=fixed)
        if reason is not None:
            log.warning("%s runs each row alone: %s", self.pinned.key, reason)
        return reason is None

    def _random_row(self, random: np.random.Generator) -> Arrays:
        """One row: a random picture for the picture's input, random numbers for the others."""
        example = _example(self.pinned, free_size=FREE_SIZE_PROBED)
        row = {spec.name: random_array(spec.dtype, example[spec.name].shape, random) for spec in self.pinned.inputs}
        picture = random.integers(0, 256, (*FREE_PICTURE, 3), np.uint8)
        try:
            name = picture_input(self.pinned.inputs, self.pinned.configuration.image).spec.name
            return row | {name: picture_inputs(picture, self.pinned)[name]}
        except Refused:
            return row


class PythonStep:
    """The function `process(arrays) -> arrays` of a file, checked against its declared outputs."""

    independent: Final = True
    """The author states it with `outputs_per_row`. A probe would run the author's code with random values that no
    model returns."""

    def __init__(self, pinned: PinnedModel, content: bytes) -> None:
        self.pinned = pinned
        self._process = _function(content, pinned.model.file_name)

    def run(self, arrays: Arrays) -> Arrays:
        """Outputs by name. Raises Refused with the traceback's last line, or with the mismatch to the schema."""
        try:
            returned = self._process(arrays)
        except Exception as error:
            # Any error of the user's code belongs to this one request.
            last_frame = traceback.extract_tb(error.__traceback__)[-1]
            line = f"{last_frame.filename}, line {last_frame.lineno}: {last_frame.line or last_frame.name}"
            raise self._refused(f"{_last_line(error)} ({line})") from error
        return self._checked(returned)

    def _checked(self, returned: object) -> Arrays:
        if not isinstance(returned, Mapping):
            raise self._refused(f"returned {type(returned).__name__}; expected a dict of named arrays")
        outputs = {}
        for spec in self.pinned.outputs:
            if spec.name not in returned:
                names = ", ".join(map(str, returned)) or "none"
                raise self._refused(f"declared the output {spec.name!r} and returned {names}")
            try:
                array = np.asarray(returned[spec.name])
            except ValueError as error:
                raise self._refused(f"returned {spec.name!r}, which is no array: {_last_line(error)}") from error
            if array.dtype.kind not in "OUS" if spec.dtype == TEXT else array.dtype != np.dtype(spec.dtype):
                raise self._refused(f"returned {spec.name!r} as {array.dtype}; its output schema says {spec.dtype}")
            outputs[spec.name] = array
        return outputs

    def _refused(self, message: str) -> Refused:
        return Refused("StepFailed", f"step {self.pinned.model.name}: {message}", "infer")


def _function(content: bytes, file_name: str) -> Callable[[Arrays], object]:
    namespace: dict[str, Any] = {"__name__": file_name.removesuffix(".py")}
    try:
        code: CodeType = compile(content, file_name, "exec")
        exec(code, namespace)  # noqa: S102  # the host permits it, see `load_model`
    except (Exception, SystemExit) as error:
        raise SparringError(f"{file_name} cannot be loaded: {_last_line(error)}") from error
    function = namespace.get(PROCESS)
    if not callable(function):
        raise SparringError(f"{file_name} defines no function {PROCESS}(arrays)")
    # The step's lines are in no file on this machine: tracebacks read them from the bytes.
    _remember_source(content, file_name)
    return function  # type: ignore[no-any-return]  # checked by callable() as far as Python can


def _remember_source(content: bytes, file_name: str) -> None:
    lines = content.decode(errors="replace").splitlines(keepends=True)
    linecache.cache[file_name] = (len(content), None, lines, file_name)


def _example(pinned: PinnedModel, free_size: int = FREE_SIZE) -> Arrays:
    """One row of inputs: a black picture, or zeros if the model takes none.

    Args:
        pinned: the model.
        free_size: the size of free dimensions behind the first.
    """
    try:
        return picture_inputs(np.zeros((*FREE_PICTURE, 3), np.uint8), pinned)
    except Refused:
        return {spec.name: _zeros(spec, free_size) for spec in pinned.inputs}


def _zeros(spec: TensorSpec, free_size: int) -> Array:
    sizes = enumerate(spec.shape or ())
    shape = [size if size is not None else free_size if axis else FREE_SIZE for axis, size in sizes]
    if spec.dtype == TEXT:
        return np.full(shape, "", dtype=object)
    return np.zeros(shape, dtype=spec.dtype)


def _last_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:1000]
