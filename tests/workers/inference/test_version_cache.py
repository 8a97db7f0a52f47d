"""What a model process reports of a version that it cannot load, with a real catalog."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from adapters.settings import InferenceSettings
from adapters.storage.models import ModelStore
from schemas.catalog import ModelUploaded, PipelineVersionAdded, VersionOffered
from schemas.models import PinnedModel, TensorSpec
from schemas.pipelines import ModelStep, PipelineVersion
from sparring import Client
from sparring.stack import LocalStack
from tests.nouns import pipeline_version
from tests.small_models import scaling_model
from tests.sparring.sdk import fresh_settings
from tests.waiting import eventually
from tests.workers.inference.loaded import pin_onnx, pin_python
from workers.inference.version_cache import VersionCache


class Process:
    """A version cache, and the client that offers a version to it."""

    def __init__(self, client: Client, settings: InferenceSettings, pinned: PinnedModel) -> None:
        self.version: PipelineVersion = pipeline_version(ModelStep(pinned), name=pinned.model.name)
        self._connection = client._connection  # noqa: SLF001 (what deploy() appends)
        self._connection.append(ModelUploaded(pinned.model))
        self._connection.append(PipelineVersionAdded(self.version))
        self.cache = VersionCache(settings, pinned.key, "official")

    def offer(self) -> int:
        return self._connection.append(VersionOffered(self.version.pipeline, self.version.version, 600_000))

    def until(self, predicate: Callable[[], object], what: str) -> None:
        def followed() -> object:
            self.cache.follow()
            return predicate()

        eventually(followed, 60, what)


@pytest.fixture(scope="module")
def client(broker: LocalStack) -> Iterator[Client]:
    with Client(fresh_settings(broker, "cache")) as connected:
        yield connected


@pytest.fixture
def settings(client: Client, tmp_path: Path) -> InferenceSettings:
    mine = asdict(client._connection.settings) | {"store": str(tmp_path / "store")}  # noqa: SLF001 (where it connects)
    return InferenceSettings(**mine, allow_python=True)


def test_a_file_that_is_no_model_fails_for_good_and_another_offer_has_it_tried_again(
    client: Client, settings: InferenceSettings, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    source = f"open({str(gate)!r}).close()\ndef process(arrays):\n    return arrays\n"
    ModelStore(settings.model_store).put(source.encode())
    spec = (TensorSpec("tensor", "float32"),)
    process = Process(client, settings, pin_python(source, spec, spec, "torn"))
    try:
        process.offer()
        process.until(process.cache.failed, "the failure to be reported")
        (failed,) = process.cache.failed()
        assert (failed.pipeline, failed.version, failed.lane) == ("default/torn", process.version.version, "official")
        assert "No such file or directory" in failed.reason
        gate.touch()
        offered = process.offer()
        process.until(lambda: process.cache.catalog_offset > offered, "the second offer to be read")
        assert process.cache.failed() == ()
        process.until(process.cache.warm, "the version to be loaded")
        assert process.cache.failed() == ()
    finally:
        process.cache.close()


@pytest.mark.parametrize("slow", [False, True], ids=["a store without the file", "a load that is slow"])
def test_what_waiting_may_mend_is_a_problem_and_no_failure(
    client: Client, settings: InferenceSettings, slow: bool
) -> None:
    content = scaling_model(2)
    pinned = pin_onnx("slow" if slow else "away", content)
    if slow:
        ModelStore(settings.model_store).put(content)
    process = Process(client, replace(settings, load_ms_max=0) if slow else settings, pinned)
    try:
        process.offer()
        process.until(lambda: process.cache.problems() or process.cache.warm(), "a problem")
        assert process.cache.failed() == ()
    finally:
        process.cache.close()
