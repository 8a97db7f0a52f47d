"""Model files that are broken, or mean harm, are refused at upload with their reason; nothing of them is stored."""

import signal
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from onnx import TensorProto, helper, numpy_helper

from adapters.settings import Settings
from schemas.limits import MODEL_BYTES_MAX
from sparring import Client, Framework
from sparring.deployment import onnx_file as inspecting
from sparring.stack import LocalStack
from tests.waiting import eventually


def onnx_file(initializers: list[Any], nodes: list[Any] | None = None, opsets: list[Any] | None = None) -> bytes:
    """A model with the input x and the output y; y = x * w where no nodes are given."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes or [helper.make_node("Mul", ["x", "w"], ["y"])], "g", [x], [y], initializers)
    model = helper.make_model(graph, opset_imports=opsets or [helper.make_opsetid("", 17)])
    model.ir_version = 9
    return bytes(model.SerializeToString())


def weights_in(location: str) -> bytes:
    """A model whose weights lie in another file."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return onnx_file([tensor])


def claims(*dims: int) -> bytes:
    """A model whose weights claim a shape that they do not have."""
    return onnx_file([TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims)])


def node(operator: str, domain: str = "") -> list[Any]:
    return [helper.make_node(operator, ["x"], ["y"], domain=domain)]


def sines(count: int) -> list[Any]:
    """One after the other: they take some time to load."""
    names = ["x", *(f"x{number}" for number in range(1, count)), "y"]
    return [helper.make_node("Sin", [given], [made]) for given, made in pairwise(names)]


OTHER = [helper.make_opsetid("", 17), helper.make_opsetid("evil", 1)]
WHOLE = onnx_file([numpy_helper.from_array(np.ones(2, np.float32), "w")])
HOSTILE = {
    "weights beside it": (weights_in("weights.bin"), "save it with its weights inside"),
    "weights above it": (weights_in("../weights.bin"), "save it with its weights inside"),
    "weights at an absolute path": (weights_in("/etc/passwd"), "save it with its weights inside"),
    "weights of 2^60 numbers": (claims(2**60), "not a model that ONNX Runtime loads"),
    "weights of a negative size": (claims(-5), "not a model that ONNX Runtime loads"),
    "an unknown operator": (onnx_file([], node("Nope")), "Nope"),
    "an operator of a library": (onnx_file([], node("Nope", "evil"), OTHER), "evil:Nope"),
    "an operator set of the future": (
        onnx_file([], node("Relu"), [helper.make_opsetid("", 999)]),
        "not a model that ONNX Runtime loads",
    ),
    "cut off": (WHOLE[:-20], "not a model that ONNX Runtime loads"),
    "empty": (b"", "not a model that ONNX Runtime loads"),
    "a text": (b"hello, I am no model", "not a model that ONNX Runtime loads"),
    "a pickle": (b"\x80\x04K\x01.", "looks like a pickle"),
    "an archive": (b"PK\x03\x04rest", "looks like a ZIP archive"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\n", "looks like a pointer of Git LFS"),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_file_is_refused_with_its_reason_and_nothing_is_kept(
    stack: LocalStack, tmp_path: Path, hostile: str
) -> None:
    content, why = HOSTILE[hostile]
    path = tmp_path / "hostile.onnx"
    path.write_bytes(content)
    (tmp_path / "weights.bin").write_bytes(np.ones(2, np.float32).tobytes())
    before = sorted(Path(stack.store).rglob("*"))
    with Client(Settings.read(stack.environment())) as client:
        end = client._connection.catalog().offset  # noqa: SLF001 (what an upload would move)
        with pytest.raises(ValueError, match=r"^path: ") as refused:
            client.upload_model("hostile", path, framework=Framework.ONNX)
        assert client._connection.catalog().offset == end  # noqa: SLF001
    assert why in str(refused.value)
    assert sorted(Path(stack.store).rglob("*")) == before


def test_a_file_of_absurd_size_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(MODEL_BYTES_MAX + 1)
    with pytest.raises(ValueError, match="expected at most 2147483648"):
        inspecting.model_bytes(path)


def test_a_crash_while_a_file_is_loaded_is_a_refusal_and_that_process_stands_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARRING_KAFKA_PASSWORD", "s3cret")
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(inspecting.inspect, tmp_path / "good.onnx", onnx_file([], sines(40_000)))
        process, known = eventually(_inspecting_process, 60, "the process that loads the file")
        limit = (inspecting.INSPECT_BYTES_MAX, inspecting.INSPECT_BYTES_MAX)
        eventually(lambda: process.rlimit(psutil.RLIMIT_AS) == limit, 60, "its memory to be limited")
        beside = list(Path(process.cwd()).iterdir())
        process.send_signal(signal.SIGSEGV)
        with pytest.raises(ValueError, match=r"loading it ended the process \(exit status -11\)"):
            loading.result(60)
    assert not [name for name in known if name.startswith("SPARRING")]
    assert beside == []


def test_a_file_whose_loading_hangs_is_refused_in_time(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(inspecting.inspect, tmp_path / "good.onnx", onnx_file([], sines(40_000)), within_s=5)
        process, _ = eventually(_inspecting_process, 60, "the process that loads the file")
        process.suspend()
        with pytest.raises(ValueError, match="was not loaded within 5 s"):
            loading.result(60)
    assert not process.is_running()


def _inspecting_process() -> tuple[psutil.Process, dict[str, str]] | None:
    """It has been started, and Python runs in it; and its environment."""
    for child in psutil.Process().children():
        try:
            if child.cmdline()[-1:] == [inspecting.__file__]:
                return child, child.environ()
        except psutil.NoSuchProcess:
            continue
    return None
