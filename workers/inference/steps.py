"""One loaded model: an ONNX Runtime session, or the function of a Python step.

`run` takes and gives named arrays. Both are safe to call from several threads at once; a Python
step must keep no state between calls.
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
"""The name of a Python step's one function."""

_ONLY_ERRORS: Final = 3

FREE_SIZE: Final = 1
SEVERAL: Final = 3
"""Of a free dimension behind the first, in a row that is probed: a Reshape that mixes rows is none where it is 1."""
FREE_PICTURE: Final = (480, 640)
"""Height and width of the warm-up picture where the model leaves them free."""


class LoadedModel(Protocol):
    """What both kinds of step are."""

    pinned: PinnedModel

    @property
    def independent(self) -> bool:
        """Whether a row's outputs are the same alone and beside other rows."""
        ...

    def run(self, arrays: Arrays) -> Arrays:
        """Outputs by name. Refused where this input cannot be run."""
        ...


def load_model(pinned: PinnedModel, content: bytes, settings: InferenceSettings) -> LoadedModel:
    """A session or a function of the file's bytes, run once with zeros so that it is warm."""
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
        # Now, and not when the first requests come together: they would wait for it.
        log.info("%s: requests %s runs", pinned.key, "share" if model.independent else "do not share")
    return model


class OnnxModel:
    """An ONNX Runtime session at its default optimisation level: with fewer, results differ in bits."""

    def __init__(self, pinned: PinnedModel, content: bytes, settings: InferenceSettings) -> None:
        self.pinned = pinned
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings.intra_op_threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ONLY_ERRORS
        # Threads that spin for work take the core that another process's thread needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=list(settings.providers))
        except Exception as error:
            # Its many classes share no base of their own; all say that this file is no model here.
            raise SparringError(f"{pinned.key} cannot be loaded: {_last_line(error)}") from error
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, arrays: Arrays) -> Arrays:
        """Outputs by name. Refused with ONNX Runtime's own reason."""
        try:
            values = self._session.run(self._outputs, arrays)
        except Exception as error:
            # ONNX Runtime raises many classes, all for this one input: the session goes on.
            raise Refused("StepFailed", f"model {self.pinned.model.name}: {_last_line(error)}", "infer") from error
        return {name: np.asarray(value) for name, value in zip(self._outputs, values, strict=True)}

    def warm_up(self) -> None:
        """One run with a black picture, or with zeros where the model takes none. A model that refuses them (its work
        depends on the data) is warm as well."""
        try:
            self.run(_example(self.pinned))
        except Refused:
            return

    @cached_property
    def independent(self) -> bool:
        """Probed at the first call: a model that only gets single rows is never run with two."""
        fixed = any(spec.shape is not None and spec.shape[:1] not in ((), (None,)) for spec in self.pinned.inputs)
        why = why_not_independent(self.run, self._random_row, rows_fixed=fixed)
        if why is not None:
            log.warning("%s runs each row alone: %s", self.pinned.key, why)
        return why is None

    def _random_row(self, random: np.random.Generator) -> Arrays:
        """A picture's input gets what a random picture becomes, the others random numbers."""
        example = _example(self.pinned, free_size=SEVERAL)
        row = {spec.name: random_array(spec.dtype, example[spec.name].shape, random) for spec in self.pinned.inputs}
        picture = random.integers(0, 256, (*FREE_PICTURE, 3), np.uint8)
        try:
            takes = picture_input(self.pinned.inputs, self.pinned.configuration.image).spec.name
            return row | {takes: picture_inputs(picture, self.pinned)[takes]}
        except Refused:
            return row


class PythonStep:
    """The function `process(arrays) -> arrays` of a file, checked against its declared outputs."""

    independent: Final = True
    """As its author states with `outputs_per_row`: a probe's random arrays would run their code with values that no
    model gives."""

    def __init__(self, pinned: PinnedModel, content: bytes) -> None:
        self.pinned = pinned
        self._process = _function(content, pinned.model.file_name)

    def run(self, arrays: Arrays) -> Arrays:
        """Outputs by name. Refused with the traceback's last line, or with what does not fit."""
        try:
            given = self._process(arrays)
        except Exception as error:
            # Whatever a user's code raises belongs to this one request.
            where = traceback.extract_tb(error.__traceback__)[-1]
            raise self._refused(
                f"{_last_line(error)} ({where.filename}, line {where.lineno}: {where.line or where.name})"
            ) from error
        return self._checked(given)

    def _checked(self, given: object) -> Arrays:
        if not isinstance(given, Mapping):
            raise self._refused(f"returned {type(given).__name__}; expected a dict of named arrays")
        outputs = {}
        for spec in self.pinned.outputs:
            if spec.name not in given:
                came = ", ".join(map(str, given)) or "none"
                raise self._refused(f"declared the output {spec.name!r} and returned {came}")
            try:
                array = np.asarray(given[spec.name])
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
        exec(code, namespace)  # noqa: S102  # permitted by the host, see `load_model`
    except (Exception, SystemExit) as error:
        raise SparringError(f"{file_name} cannot be loaded: {_last_line(error)}") from error
    function = namespace.get(PROCESS)
    if not callable(function):
        raise SparringError(f"{file_name} defines no function {PROCESS}(arrays)")
    # The lines of the step are in no file here: tracebacks read them from the bytes.
    _remember_source(content, file_name)
    return function  # type: ignore[no-any-return]  # checked by callable() as far as Python can


def _remember_source(content: bytes, file_name: str) -> None:
    lines = content.decode(errors="replace").splitlines(keepends=True)
    linecache.cache[file_name] = (len(content), None, lines, file_name)


def _example(pinned: PinnedModel, free_size: int = FREE_SIZE) -> Arrays:
    """A black picture, or zeros where the model takes none: one row, free dimensions behind the first of that size."""
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
