"""Reads an ONNX file's inputs and outputs, in a process of its own: a native crash is survived.

The file comes from anyone. That process is given its bytes alone, by standard input, and stands in an empty folder:
from bytes ONNX Runtime reads no file outside of the folder it stands in, so weights that lie beside the model, or
anywhere else, are refused here, as a model process that gets the bytes from the store would have to. It has none of
our settings in its environment, and a limit on its memory and its time.

Run as a program it prints them as JSON: `python inspect.py < FILE`.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from schemas.limits import MIB, MODEL_BYTES_MAX
from schemas.models import TensorSpec

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
"""Exit status: the last line says what is wrong with the file."""


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
    environment["PYTHONPATH"] = str(here.parent.parent)
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
    except subprocess.TimeoutExpired:
        raise ValueError(f"path: {path} was not loaded within {within_s:g} s") from None
    if ran.returncode == 0:
        return msgspec.json.decode(ran.stdout, type=Signature)
    said = ran.stderr.decode(errors="replace").strip().splitlines() or [""]
    if ran.returncode == _WRONG:
        raise ValueError(f"path: {path}: {said[-1]}")
    raise ValueError(
        f"path: {path}: loading it ended the process (exit status {ran.returncode}): {said[-1]}; "
        "expected an ONNX model that ONNX Runtime can load"
    )


def _signature(content: bytes) -> Signature:
    resource.setrlimit(resource.RLIMIT_AS, (INSPECT_BYTES_MAX, INSPECT_BYTES_MAX))
    from adapters.onnx_runtime import onnxruntime  # noqa: PLC0415 (only the process that may crash loads it)

    onnxruntime.set_default_logger_severity(4)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return Signature(
        tuple(_tensor(node) for node in session.get_inputs()),
        tuple(_tensor(node) for node in session.get_outputs()),
    )


def _tensor(node: object) -> TensorSpec:
    name, kind, shape = (getattr(node, field) for field in ("name", "type", "shape"))
    if not kind.startswith("tensor("):
        raise ValueError(f"{name} is a {kind}; expected tensors only (export without ZipMap)")
    dtype = kind.removeprefix("tensor(").removesuffix(")")
    sizes = tuple(size if isinstance(size, int) and size >= 0 else None for size in shape)
    return TensorSpec(name, _DTYPES.get(dtype, dtype), sizes)


def _main() -> int:
    try:
        signature = _signature(sys.stdin.buffer.read())
    except Exception as error:  # noqa: BLE001 (onnxruntime's errors have no common base)
        said = " ".join(str(error).split())[:500]
        if "xternal data" in said:
            said = f"its weights lie in another file; save it with its weights inside: {said}"
        sys.stderr.write(f"\nnot a model that ONNX Runtime loads: {said}\n")
        return _WRONG
    sys.stdout.buffer.write(msgspec.json.encode(signature))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
