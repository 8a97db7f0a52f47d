"""Reads an ONNX file's inputs and outputs, in a process of its own: a native crash is survived.

Run as a program it prints them as JSON: `python inspect.py FILE`.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from schemas.models import TensorSpec

INSPECT_S_MAX: Final = 60.0
_DTYPES: Final = {"float": "float32", "double": "float64", "string": "string", "bool": "bool"}
_WRONG: Final = 3
"""Exit status: the last line says what is wrong with the file."""


class Signature(msgspec.Struct, frozen=True):
    """A model's inputs and outputs, in the file's order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


def inspect(path: Path) -> Signature:
    """The signature of an ONNX file; ValueError where ONNX Runtime does not load it."""
    here = Path(__file__).resolve()
    environment = {**os.environ, "PYTHONPATH": str(here.parent.parent)}
    # -P: a schemas.py in the user's folder must not hide ours.
    command = [sys.executable, "-P", str(here), str(path)]
    try:
        ran = subprocess.run(command, env=environment, capture_output=True, timeout=INSPECT_S_MAX, check=False)
    except subprocess.TimeoutExpired:
        raise ValueError(f"path: {path} was not loaded within {INSPECT_S_MAX:g} s") from None
    if ran.returncode == 0:
        return msgspec.json.decode(ran.stdout, type=Signature)
    said = ran.stderr.decode(errors="replace").strip().splitlines() or [""]
    if ran.returncode == _WRONG:
        raise ValueError(f"path: {path}: {said[-1]}")
    raise ValueError(
        f"path: {path}: loading it ended the process (exit status {ran.returncode}): {said[-1]}; "
        "expected an ONNX model that ONNX Runtime can load"
    )


def _signature(path: str) -> Signature:
    import onnxruntime  # noqa: PLC0415 (only the process that may crash loads it)

    onnxruntime.set_default_logger_severity(4)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
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
        signature = _signature(sys.argv[1])
    except Exception as error:  # noqa: BLE001 (onnxruntime's errors have no common base)
        sys.stderr.write(f"\nnot a model that ONNX Runtime loads: {' '.join(str(error).split())[:500]}\n")
        return _WRONG
    sys.stdout.buffer.write(msgspec.json.encode(signature))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
