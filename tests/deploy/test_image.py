"""The Dockerfile: what is locked, who it runs as, what is in its last stage. Read as text: no engine runs here."""

import json
import re
import shlex
import tomllib

import pytest

from adapters.settings import Settings
from tests.deploy.commands import understood
from tests.deploy.files import DOCKERFILE, ROOT

LINES = re.sub(r"\\\n\s*", "", DOCKERFILE).splitlines()
LAST = LINES[max(number for number, line in enumerate(LINES) if line.startswith("FROM ")) :]


def after(word: str, lines: list[str]) -> list[str]:
    """What follows an instruction, each time that it stands there."""
    return [line.removeprefix(f"{word} ") for line in lines if line.startswith(f"{word} ")]


def environment() -> dict[str, str]:
    """The last stage's variables."""
    return dict(pair.split("=", 1) for line in after("ENV", LAST) for pair in shlex.split(line))


def test_libraries_are_installed_from_the_locked_file_with_hashes() -> None:
    assert "ARG REQUIREMENTS=requirements/runtime.txt" in LINES
    installs = [line for line in after("RUN", LINES) if "uv pip install" in line]
    assert len(installs) == 2
    assert "--require-hashes --requirements ${REQUIREMENTS}" in installs[0]
    assert "--no-deps --build-constraints requirements/all.txt" in installs[1]


def test_uv_is_the_version_of_the_makefile() -> None:
    makefile = re.search(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert makefile
    assert after("ARG UV_VERSION", [line.replace("=", " ") for line in LINES]) == [makefile[1]]


def test_every_package_of_the_project_is_in_it_and_can_be_sent_to_the_builder() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copied = [line.split()[0].rstrip("/") for line in after("COPY", LINES)]
    assert set(packages) <= set(copied)
    sent = [
        line.lstrip("!").rstrip("/") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    ]
    assert set(sent) == {name for name in copied if not name.startswith("--from")}


def test_the_last_stage_only_copies_what_was_built_and_is_not_root() -> None:
    assert after("USER", LAST) == ["10001:10001"]
    assert after("RUN", LAST) == [
        "groupadd --gid 10001 sparring && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp sparring"
    ]
    assert all(line.startswith("--from=build ") for line in after("COPY", LAST))


def test_health_is_asked_of_the_service_without_a_shell() -> None:
    (check,) = after("HEALTHCHECK", LAST)
    command = json.loads(check.partition("CMD ")[2])
    assert understood(command) == "probe"
    assert command[-1] == "ready"


def test_a_stop_is_the_signal_that_services_listen_to() -> None:
    assert after("STOPSIGNAL", LAST) == ["SIGTERM"]


@pytest.mark.parametrize("variable", ["SPARRING_METRICS"])
def test_its_own_settings_are_settings(variable: str) -> None:
    ours = {name: value for name, value in environment().items() if name.startswith("SPARRING_")}
    assert set(ours) == {variable}
    assert Settings.read(ours).metrics == "0.0.0.0:9464"
    assert after("EXPOSE", LAST) == ["9464"]


def test_onnx_runtime_sends_nothing_whoever_imports_it_in_the_image() -> None:
    assert environment()["ORT_DISABLE_TELEMETRY"] == "1"


def test_no_registry_and_no_machine_is_named_but_the_base_image() -> None:
    assert re.findall(r"https?://\S+|--index-url|--extra-index-url", DOCKERFILE) == []
    assert after("ARG PYTHON", [line.replace("=", " ", 1) for line in LINES]) == [
        "docker.io/library/python:3.11-slim-bookworm"
    ]
