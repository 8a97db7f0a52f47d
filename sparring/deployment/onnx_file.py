"""Reads an ONNX file's inputs and outputs, in a process of its own: a native crash is survived.

ONNX Runtime says whether it loads the file, and what goes in and comes out. The `onnx` package says what ONNX Runtime
does not: which of them have no shape at all, and whether an output has an entry per row of the inputs. The second is
derived last: where that fails, in whatever way, it is not known, and the file is taken.

The file comes from anyone. That process is given its bytes alone, by standard input, and stands in an empty folder:
from bytes ONNX Runtime reads no file outside of the folder it stands in, so weights that lie beside the model, or
anywhere else, are refused here, as a model process that gets the bytes from the store would have to. It has none of
our settings in its environment, and a limit on its memory and its time.

Run as a program it prints them as JSON, a line without and a line with what was derived: `python onnx_file.py < FILE`.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec.structs import replace

from schemas.limits import MIB, MODEL_BYTES_MAX
from schemas.models import TensorSpec
from schemas.signatures import check_signature

INSPECT_S_MAX: Final = 60.0
INSPECT_BYTES_MAX: Final = 8 * 1024 * MIB
"""Address space of the inspecting process."""

_INHERITED: Final = ("PATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR")
_SEEMS: Final = {
    b"PK\x03\x04": "a ZIP archive, as PyTorch and Keras write them",
    b"\x80": "a pickle, as scikit-learn and PyTorch write them",
    b"\x89HDF": "an HDF5 file, as Keras writes them",
    b"version https://git-lfs": "a pointer of Git LFS: fetch the file itself",
}
_DTYPES: Final = {"float": "float32", "double": "float64", "string": "string", "bool": "bool"}
_WRONG: Final = 3
"""Exit status: the last line names the fault of the file."""

_NO_NAME: Final = re.compile(r"|\?|-1|None")
"""Exporters' name for any unnamed dimension: two such dimensions need not be equal."""
_NUMBERED: Final = re.compile(r"unk__\d+|.*_dim_\d+|[su]\d+|.*DynamicDimension\.\d+")
"""Likewise, where equal names are one dimension. Different ones may be one all the same."""

Derived = int | Literal["rows"] | None
"""Of an output's first dimension: see `adapters.onnx_file.first_dimensions`."""


class Unfit(ValueError):
    """A file that ONNX Runtime loads has an input or output that no request or no answer can hold."""


class Signature(msgspec.Struct, frozen=True):
    """A model's inputs and outputs, in the file's order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


def model_bytes(path: Path) -> bytes:
    """The file's bytes; ValueError where they are more than any model's, before they are read."""
    size = path.stat().st_size
    if size > MODEL_BYTES_MAX:
        raise ValueError(f"path: {path} has {size} bytes; expected at most {MODEL_BYTES_MAX}")
    return path.read_bytes()


def inspect(path: Path, content: bytes, within_s: float = INSPECT_S_MAX) -> Signature:
    """The signature of an ONNX file with these bytes; ValueError where ONNX Runtime does not load it in that time."""
    for begins, what in _SEEMS.items():
        if content.startswith(begins):
            raise ValueError(f"path: {path} is no ONNX model: it looks like {what}; export the model to ONNX first")
    here = Path(__file__).resolve()
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment["PYTHONPATH"] = str(here.parents[2])
    # -P: a schemas.py in the user's folder must not hide ours.
    command = [sys.executable, "-P", str(here)]
    try:
        with tempfile.TemporaryDirectory(prefix="sparring-inspect-") as empty:
            ran = subprocess.run(
                command,
                input=content,
                env=environment,
                cwd=empty,
                capture_output=True,
                timeout=within_s,
                check=False,
            )
    except subprocess.TimeoutExpired as expired:
        if (signature := known(expired.stdout or b"")) is not None:
            return signature
        raise ValueError(f"path: {path} was not loaded within {within_s:g} s") from None
    if (signature := known(ran.stdout)) is not None:
        return signature
    said = ran.stderr.decode(errors="replace").strip().splitlines() or [""]
    if ran.returncode == _WRONG:
        raise ValueError(f"path: {path}: {said[-1]}")
    raise ValueError(
        f"path: {path}: loading it ended the process (exit status {ran.returncode}): {said[-1]}; "
        "expected an ONNX model that ONNX Runtime can load"
    )


def known(stdout: bytes) -> Signature | None:
    """The last whole line: more may have been under way when the process ended. None: there is none."""
    lines = stdout.split(b"\n")[:-1]
    return msgspec.json.decode(lines[-1], type=Signature) if lines else None


def signatures(content: bytes) -> Iterator[Signature]:
    """The signature by ONNX Runtime; then the same, with what is derived. In this process: see `inspect`.

    Raises:
        Unfit: it has an input or output that no request or no answer can hold.
        Exception: of ONNX Runtime, whose errors have no common base: it does not load the file.
    """
    from adapters import onnx_file  # noqa: PLC0415 (only the process that may crash loads it)
    from adapters.onnx_runtime import onnxruntime  # noqa: PLC0415 (as above)

    # Before the session is there: both would hold the weights.
    model = onnx_file.read_model(content)
    shapeless = set() if model is None else onnx_file.of_any_rank(model)
    onnxruntime.set_default_logger_severity(4)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    signature = _signature(session, shapeless)
    del session
    yield signature
    if model is not None:
        try:
            derived = onnx_file.first_dimensions(model)
        except Exception:  # noqa: BLE001 (onnx's errors have no common base; operators of others it does not know)
            derived = {}
        yield with_facts(signature, derived)


def _signature(session: Any, shapeless: set[str]) -> Signature:
    """Unfit where it has an input or output that no request or no answer can hold."""
    signature = Signature(
        tuple(_tensor("input", node, shapeless) for node in session.get_inputs()),
        tuple(_tensor("output", node, shapeless) for node in session.get_outputs()),
    )
    for what, specs in (("inputs", signature.inputs), ("outputs", signature.outputs)):
        if not specs:
            raise Unfit(f"it has no {what}; expected at least one")
    try:
        check_signature(signature.inputs, signature.outputs)
    except ValueError as error:
        raise Unfit(str(error)) from None
    return signature


def _tensor(what: str, node: object, shapeless: set[str]) -> TensorSpec:
    name, kind, shape = (getattr(node, field) for field in ("name", "type", "shape"))
    if not kind.startswith("tensor("):
        raise Unfit(f"{what} {name!r} is a {kind}; expected a tensor: {_remedy(kind)}")
    dtype = kind.removeprefix("tensor(").removesuffix(")")
    dtype = _DTYPES.get(dtype, dtype)
    if name in shapeless and not shape:
        return TensorSpec(name, dtype)
    sizes = tuple(size if isinstance(size, int) and size >= 0 else None for size in shape)
    names = tuple(size if isinstance(size, str) and size else None for size in shape)
    return TensorSpec(name, dtype, sizes, names if any(names) else None)


def with_facts(signature: Signature, derived: Mapping[str, Derived]) -> Signature:
    """The signature with what is known of each output's first dimension. derived: of `first_dimensions`."""
    outputs = (
        replace(spec, per_row=_per_row(signature.inputs, spec, derived.get(spec.name))) for spec in signature.outputs
    )
    return Signature(signature.inputs, tuple(outputs))


def _per_row(inputs: Sequence[TensorSpec], output: TensorSpec, derived: Derived) -> bool | None:
    """Whether an output has an entry per row: as derived, else as sizes and names in the file say."""
    if output.shape == ():
        return False
    sizes = {spec.shape[0] for spec in inputs if spec.shape}
    named = [_first_name(spec) for spec in inputs]
    if len(sizes) != 1 or len({*named} - {None}) > 1 or not all(spec.shape for spec in inputs):
        return None  # no input has the batch, or not all have the same
    if derived == "rows":
        return True
    (size,), first = sizes, derived if isinstance(derived, int) else output.shape and output.shape[0]
    if isinstance(first, int):
        return None if first == size == 1 else first == size
    return None if size is not None else _same_name(named, _first_name(output))


def _same_name(inputs: Sequence[str | None], output: str | None) -> bool | None:
    """Whether a free dimension is that of the inputs, by their names; None: the names do not say."""
    names = [output, *inputs]
    if None in names:
        return None
    if len({*names}) == 1:
        return True
    return None if any(_NUMBERED.fullmatch(name) for name in names if name) else False


def _first_name(spec: TensorSpec) -> str | None:
    """What the file calls the first dimension; None: nothing that a person gave it."""
    name = spec.dimensions[0] if spec.dimensions else None
    return None if name is None or _NO_NAME.fullmatch(name) else name


def _remedy(kind: str) -> str:
    """What makes tensors of it."""
    if "map(" in kind:
        return "export without ZipMap (skl2onnx: options={'zipmap': False})"
    if kind.startswith("seq("):
        return "give each element as a tensor of its own (SequenceAt), or all as one (ConcatFromSequence)"
    if kind.startswith("optional("):
        return "take its element in the model (OptionalGetElement)"
    return "make it a dense tensor in the model"


def _main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (INSPECT_BYTES_MAX, INSPECT_BYTES_MAX))
    try:
        for signature in signatures(sys.stdin.buffer.read()):
            sys.stdout.buffer.write(msgspec.json.encode(signature) + b"\n")
            sys.stdout.buffer.flush()
    except Unfit as error:
        return _wrong(str(error)[:1000])
    except Exception as error:  # noqa: BLE001 (onnxruntime's errors have no common base)
        said = " ".join(str(error).split())[:500]
        if "xternal data" in said:
            said = f"its weights lie in another file; save it with its weights inside: {said}"
        return _wrong(f"not a model that ONNX Runtime loads: {said}")
    return 0


def _wrong(why: str) -> int:
    sys.stderr.write(f"\n{why}\n")
    return _WRONG


if __name__ == "__main__":
    sys.exit(_main())
