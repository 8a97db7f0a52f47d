"""A hanging load is abandoned: callers get an error, and other models are loaded."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.settings import InferenceSettings
from adapters.storage.models import ModelStore
from schemas.errors import RetryLater, SparringError
from schemas.models import PinnedModel, TensorSpec
from tests.small_models import scaling_model, waiting_step
from tests.waiting import eventually
from tests.workers.inference.loaded import pin_onnx, pin_python
from workers.inference.loading import ModelLoader, load_key

TENSOR, Y = TensorSpec("tensor", "float32"), TensorSpec("y", "float32")


def always() -> bool:
    return True


def never() -> bool:
    return False


def refusal(models: ModelLoader, pinned: PinnedModel) -> str:
    """Why the model cannot be loaded; empty while the store has not returned its file yet."""
    with pytest.raises(SparringError) as refused:
        models.get(pinned, always)
    return "" if refused.type is RetryLater else str(refused.value)


def loaded(models: ModelLoader, pinned: PinnedModel) -> object:
    """The model, in the end: on a busy machine any load may take longer than the tests' limit for a hanging load."""

    def got() -> object:
        try:
            return models.get(pinned, always)
        except SparringError:
            return None

    return eventually(got, 60, f"{load_key(pinned)} to be loaded")


@pytest.fixture
def settings(tmp_path: Path) -> InferenceSettings:
    return InferenceSettings(store=str(tmp_path / "store"), allow_python=True, load_ms_max=400)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that ends the hanging load. The fixture makes it at the end of each test, so that no thread waits on."""
    yield tmp_path / "gate"
    (tmp_path / "gate").touch()


@pytest.fixture
def hanging(settings: InferenceSettings, gate: Path) -> PinnedModel:
    source = waiting_step(str(gate))
    ModelStore(settings.model_store).put(source.encode())
    return pin_python(source, (TENSOR,), (Y,), "hanging")


@pytest.fixture
def good(settings: InferenceSettings) -> PinnedModel:
    content = scaling_model(2)
    ModelStore(settings.model_store).put(content)
    return pin_onnx("good", content)


def test_a_load_that_hangs_is_an_error_that_names_the_setting_and_others_are_loaded_meanwhile(
    settings: InferenceSettings, hanging: PinnedModel, good: PinnedModel
) -> None:
    models = ModelLoader(settings)
    why = eventually(lambda: refusal(models, hanging), 60, "a refusal")
    assert re.search(r"hanging@v1 has been loading for \d+ s; .*400 ms.*SPARRING_LOAD_MS_MAX", why)
    assert loaded(models, good) is models.get(good, always)
    with pytest.raises(SparringError, match="has been loading"):
        models.get(hanging, never)  # without a wait, and without a second load


def test_a_load_that_was_only_slow_is_taken_once_it_is_done(
    settings: InferenceSettings, hanging: PinnedModel, gate: Path
) -> None:
    models = ModelLoader(settings)
    with pytest.raises(SparringError, match="has been loading"):
        models.get(hanging, always)
    gate.touch()
    loaded(models, hanging)
    assert models.unneeded_hanging_loads(frozenset(), unrequested_s=0) == ()


def test_who_does_not_wait_any_longer_is_told_how_long_it_has_been_and_the_load_goes_on(
    settings: InferenceSettings, hanging: PinnedModel, gate: Path
) -> None:
    models = ModelLoader(replace(settings, load_ms_max=60_000))
    with pytest.raises(RetryLater, match=r"hanging@v1 has been loading for \d+ s"):
        models.get(hanging, never)
    assert models.unneeded_hanging_loads(frozenset(), unrequested_s=0) == ()
    gate.touch()
    assert models.get(hanging, always).pinned == hanging


def test_only_a_load_that_hangs_and_that_nobody_needs_ends_the_process(
    settings: InferenceSettings, hanging: PinnedModel
) -> None:
    models = ModelLoader(settings)
    with pytest.raises(SparringError, match="has been loading"):
        models.get(hanging, always)
    models.retain(frozenset())
    assert models.unneeded_hanging_loads(frozenset([load_key(hanging)]), unrequested_s=0) == ()
    assert models.unneeded_hanging_loads(frozenset(), unrequested_s=60) == (), "a late task has just requested it"
    assert models.unneeded_hanging_loads(frozenset(), unrequested_s=0) == ("default/hanging@v1",)


def test_a_store_that_hangs_is_waited_for_the_model_is_not_to_blame(
    settings: InferenceSettings, good: PinnedModel
) -> None:
    path = next(Path(settings.model_store).rglob(good.model.sha256))
    path.unlink()
    os.mkfifo(path)  # open() waits for a writer
    models = ModelLoader(settings)
    with pytest.raises(RetryLater, match=r"good@v1 has been loading .*: the model store .* does not return the file"):
        models.get(good, always)
    path.open("wb").close()  # the load ends


def test_a_file_that_is_not_there_yet_is_loaded_when_it_is(settings: InferenceSettings, good: PinnedModel) -> None:
    path = next(Path(settings.model_store).rglob(good.model.sha256))
    content = path.read_bytes()
    path.unlink()
    models = ModelLoader(replace(settings, load_ms_max=60_000))
    with pytest.raises(RetryLater, match="cannot be read from the store"):
        models.get(good, always)
    path.write_bytes(content)
    assert models.get(good, always).pinned == good


def test_what_is_not_retained_is_loaded_anew(settings: InferenceSettings, good: PinnedModel) -> None:
    models = ModelLoader(replace(settings, load_ms_max=60_000))
    first = models.get(good, always)
    models.retain({load_key(good)})
    assert models.get(good, always) is first
    models.retain(frozenset())
    assert models.get(good, always) is not first
