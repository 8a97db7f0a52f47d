"""compose.yaml: valid by the specification's schema, and of one mind with the code and the image.

The schema is the one that `check-jsonschema --builtin-schema vendor.compose-spec` uses.
"""

import re
from typing import Any

import jsonschema
import pytest

from schemas.limits import STOP_S_MAX
from sparring.stack.kafka import KAFKA_VERSION
from tests.deploy.commands import SETTINGS, understood
from tests.deploy.files import COMPOSE, compose_schema

SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("sparring:")}
LASTING = {name: one for name, one in OURS.items() if name != "topics"}


def seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def test_it_is_valid_by_the_schema_of_the_compose_specification() -> None:
    jsonschema.validate(COMPOSE, compose_schema())


def test_the_schema_would_notice_a_mistake() -> None:
    wrong = COMPOSE | {"services": {"router": {"imagee": "sparring"}}}
    with pytest.raises(jsonschema.ValidationError, match="imagee"):
        jsonschema.validate(wrong, compose_schema())


@pytest.mark.parametrize("service", OURS)
def test_each_command_is_one_that_the_code_understands(service: str) -> None:
    assert understood(OURS[service]["command"])


@pytest.mark.parametrize("service", OURS)
def test_each_variable_is_a_setting_of_that_service(service: str) -> None:
    given = {name for name in OURS[service]["environment"] if name.startswith("SPARRING_")}
    assert given <= SETTINGS[understood(OURS[service]["command"])]


def test_all_services_there_are_run_by_default_and_more_with_a_profile() -> None:
    assert {name for name, one in SERVICES.items() if "profiles" not in one} == {
        *("kafka", "valkey", "topics", "router", "indexer", "host"),
    }
    assert {name: one["profiles"] for name, one in SERVICES.items() if "profiles" in one} == {
        "host-2": ["scale"],
        "host-gpu": ["gpu"],
    }


@pytest.mark.parametrize("service", SERVICES)
def test_every_container_is_bounded_and_its_log_too(service: str) -> None:
    assert SERVICES[service]["deploy"]["resources"]["limits"].keys() >= {"cpus", "memory"}
    assert SERVICES[service]["logging"]["options"].keys() == {"max-size", "max-file"}


@pytest.mark.parametrize("service", OURS)
def test_our_containers_may_write_nothing_but_a_scratch_folder_and_gain_no_rights(service: str) -> None:
    one = OURS[service]
    assert one["read_only"] is True
    assert one["tmpfs"] == ["/tmp"]  # noqa: S108  # the container's own
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in one  # the image's own, which is not root
    assert all(volume.endswith(":ro") for volume in one.get("volumes", []))


@pytest.mark.parametrize("service", LASTING)
def test_a_service_has_time_to_drain_and_starts_again_after_a_crash(service: str) -> None:
    assert seconds(LASTING[service]["stop_grace_period"]) > STOP_S_MAX
    assert LASTING[service]["restart"] == "unless-stopped"
    assert "healthcheck" not in LASTING[service]  # the image's own: ready


@pytest.mark.parametrize("service", LASTING)
def test_no_service_starts_before_its_topics_are_there(service: str) -> None:
    assert LASTING[service]["depends_on"]["topics"]["condition"] == "service_completed_successfully"
    assert SERVICES["topics"]["depends_on"]["kafka"]["condition"] == "service_healthy"
    assert SERVICES["indexer"]["depends_on"]["valkey"]["condition"] == "service_healthy"


def test_kafka_is_the_local_stacks_and_reached_from_inside_and_from_loopback_only() -> None:
    kafka = SERVICES["kafka"]
    environment = kafka["environment"]
    assert kafka["image"] == f"docker.io/apache/kafka:{KAFKA_VERSION}"
    inside = OURS["router"]["environment"]["SPARRING_KAFKA"]
    advertised = dict(part.split("://") for part in environment["KAFKA_ADVERTISED_LISTENERS"].split(","))
    assert advertised == {"INSIDE": inside, "OUTSIDE": "127.0.0.1:9092"}
    listeners = dict(part.split("://:") for part in environment["KAFKA_LISTENERS"].split(","))
    assert kafka["ports"] == [f"127.0.0.1:{listeners['OUTSIDE']}:{listeners['OUTSIDE']}"]
    assert inside.endswith(f":{listeners['INSIDE']}")
    assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_what_must_outlive_a_container_is_on_a_volume() -> None:
    mounted = {volume.partition(":")[0] for name in ("kafka", "valkey") for volume in SERVICES[name]["volumes"]}
    assert mounted == set(COMPOSE["volumes"])
    assert SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"] in SERVICES["kafka"]["volumes"][0]
    store = OURS["host"]["environment"]["SPARRING_STORE"]
    assert re.fullmatch(rf"\$\{{MODEL_STORE:-\S+\}}:{store}:ro", OURS["host"]["volumes"][0])


def test_the_gpu_host_asks_for_a_device_and_for_libraries_of_its_own() -> None:
    gpu = SERVICES["host-gpu"]
    assert gpu["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    assert gpu["environment"]["SPARRING_PROVIDERS"].split(",")[0] == "CUDAExecutionProvider"
    assert gpu["image"] != SERVICES["host"]["image"]
    assert "REQUIREMENTS" in gpu["build"]["args"]
