"""Which service a container's command starts, as the code itself parses it, and the settings it reads."""

import dataclasses
from collections.abc import Sequence
from typing import Final

from adapters.settings import HostSettings, InferenceSettings, RouterSettings, Settings
from schemas.names import ModelKey
from sparring.cli import parser


def _variables(settings: type[Settings]) -> set[str]:
    return {f"SPARRING_{field.name.upper()}" for field in dataclasses.fields(settings)}


SETTINGS: Final = {
    "router": _variables(RouterSettings),
    "host": _variables(HostSettings),
    "indexer": _variables(Settings),
    "inference": _variables(InferenceSettings),
    "topics": _variables(Settings),
    "probe": _variables(Settings),
}


def understood(command: Sequence[str]) -> str:
    """The service; AssertionError for a command that starts none."""
    match list(command):
        case ["python", "-m", "router"]:
            return "router"
        case ["python", "-m", "workers", ("host" | "indexer") as worker]:
            return worker
        case ["python", "-m", "workers", "inference", "--model", model, "--lane", "official" | "shadow"]:
            assert str(ModelKey.parse(model)) == model
            return "inference"
        case ["python", "-m", "adapters.probe", "live" | "ready"]:
            return "probe"
        case ["sparring", *arguments]:
            parsed = parser().parse_args(arguments)
            assert parsed.run.__module__ in {"sparring.cli.topics", "sparring.cli.prune"}, arguments
            return "topics"
        case _:
            raise AssertionError(f"{command} starts no service")
