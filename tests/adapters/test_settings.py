"""Settings come from the environment; a bad value names the variable, the value and what is expected."""

import pytest

from adapters.settings import HostSettings, InferenceSettings, RouterSettings, Settings
from schemas.errors import SettingError


def test_nothing_set_gives_the_defaults() -> None:
    assert RouterSettings.read({}) == RouterSettings()


def test_each_kind_of_value_is_read() -> None:
    settings = HostSettings.read(
        {
            "SPARRING_KAFKA": "a:1,b:2",
            "SPARRING_ALLOW_PYTHON": "True",
            "SPARRING_INFERENCE_THREADS": "2",
            "SPARRING_PROVIDERS": "CUDAExecutionProvider, CPUExecutionProvider",
            "SPARRING_HOST_MODELS": "default/*",
        }
    )
    assert (settings.kafka, settings.allow_python, settings.threads) == ("a:1,b:2", True, 2)
    assert settings.providers == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert settings.host_models == ("default/*",)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("SPARRING_ALLOW_PYTHON", "yes", "expected true or false"),
        ("SPARRING_RUN_MS_MAX", "soon", "expected a whole number"),
        ("SPARRING_IN_FLIGHT_MAX", "-1", "at least 0"),
        ("SPARRING_RESULT_TTL_S", "1e3", "expected a whole number"),
        ("SPARRING_LOG_LEVEL", "loud", "expected one of DEBUG, INFO, WARNING, ERROR"),
    ],
)
def test_a_bad_value_is_named(variable: str, value: str, expected: str) -> None:
    with pytest.raises(SettingError, match=rf"{variable}: '{value}'; .*{expected}|{variable}: '{value}'; {expected}"):
        InferenceSettings.read({variable: value})


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "-1"])
def test_a_number_that_nothing_can_wait_for_is_named(text: str) -> None:
    with pytest.raises(
        SettingError, match=f"SPARRING_ROUTER_LEASE_S: '{text}'; expected a finite number of at least 0"
    ):
        RouterSettings.read({"SPARRING_ROUTER_LEASE_S": text})


def test_a_missing_model_store_says_which_variable() -> None:
    with pytest.raises(SettingError, match="SPARRING_STORE is not set"):
        str(Settings().model_store)
