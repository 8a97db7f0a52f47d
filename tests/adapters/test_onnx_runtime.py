"""Who loads a model opens no socket for it and leaves no file behind, and who loads none does not import ONNX Runtime.

ONNX Runtime sends from C++, seconds after a model was loaded, and begins by looking up a name: no hook in Python sees
that. The kernel does: each process here runs under a filter that ends it with SIGSYS at its first `socket()`.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import certifi
import pytest

from tests.conftest import REPOSITORY
from tests.small_models import scaling_model

_SENDS_S_MAX: Final = 120.0
_NO_SOCKETS: Final = """
import ctypes, os, platform, struct, sys
number = {"x86_64": 41, "aarch64": 198}[platform.machine()]  # of socket()
load, equal, end, ended, go_on = 0x20, 0x15, 0x06, 0x80000000, 0x7FFF0000
lines = [(load, 0, 0, 0), (equal, 0, 1, number), (end, 0, 0, ended), (end, 0, 0, go_on)]
rules = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
program = struct.pack("HxxxxxxP", len(lines), ctypes.addressof(rules))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS: whoever is not root may set a filter then
assert libc.prctl(22, 2, program) == 0, os.strerror(ctypes.get_errno())  # PR_SET_SECCOMP, of BPF
path = sys.argv[1]
"""
_THEN_WAIT: Final = """
print("\\nloaded", flush=True)
os.read(0, 1)  # until the test closes it
"""
_AS_IT_IS_INSTALLED: Final = """
import onnxruntime
session = onnxruntime.InferenceSession(path)
"""
_LOADERS: Final = {
    "a model process": """
from adapters.settings import InferenceSettings
from schemas.models import Configuration, ModelVersion, PinnedModel
from workers.inference import loop
from workers.inference.steps import load_model
content = open(path, "rb").read()
version = ModelVersion("default", "m", "v1", "sha", "onnx", "m.onnx", len(content), 0, (), ())
model = load_model(PinnedModel(version, Configuration("onnx")), content, InferenceSettings())
""",
    "the inspection of an upload": """
import runpy
sys.stdin = open(path)
try:
    runpy.run_path("sparring/deployment/onnx_file.py", run_name="__main__")
except SystemExit as done:
    assert done.code == 0, done.code
""",
}


@contextmanager
def _loading(program: str, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has loaded a model, in an environment that says nothing of telemetry."""
    folder.mkdir()
    (folder / "model.onnx").write_bytes(scaling_model(2.0))
    places = {name: folder / name for name in ("HOME", "TMPDIR")}
    for place in places.values():
        place.mkdir()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "SSL_CERT_FILE": certifi.where()}
    with subprocess.Popen(
        [sys.executable, "-P", "-c", _NO_SOCKETS + program + _THEN_WAIT, str(folder / "model.onnx")],
        cwd=REPOSITORY,
        env=environment | {name: str(place) for name, place in places.items()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            assert any(line == b"loaded\n" for line in process.stdout), f"it ended with {process.wait()}"
            yield process
        finally:
            process.kill()


def _left(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for name in ("HOME", "TMPDIR") for path in (folder / name).rglob("*")]


def test_who_loads_a_model_looks_up_no_name_and_leaves_no_file(tmp_path: Path) -> None:
    with _loading(_AS_IT_IS_INSTALLED, tmp_path / "control") as control:
        folders = {name: tmp_path / name.replace(" ", "-") for name in _LOADERS}
        with (
            _loading(_LOADERS["a model process"], folders["a model process"]) as model,
            _loading(_LOADERS["the inspection of an upload"], folders["the inspection of an upload"]) as inspection,
        ):
            # The package as it is installed shows that this test can fail, and how long a process takes to send.
            assert control.wait(_SENDS_S_MAX) == -signal.SIGSYS
            assert _left(tmp_path / "control") != []
            for process in (model, inspection):
                process.communicate(timeout=60)
            assert (model.returncode, inspection.returncode) == (0, 0)
    assert {name: _left(folder) for name, folder in folders.items()} == {name: [] for name in folders}


@pytest.mark.parametrize("package", ["sparring.client", "workers.host.host", "router.loop"])
def test_who_loads_no_model_does_not_import_onnx_runtime(package: str) -> None:
    program = f"import sys, {package}; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", program], cwd=REPOSITORY, check=False).returncode == 0
