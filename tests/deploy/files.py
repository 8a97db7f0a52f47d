"""The files of a deployment, read once."""

import json
from importlib.metadata import distribution
from pathlib import Path
from string import Template
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
KUBERNETES: Final = ROOT / "deploy" / "kubernetes"
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text()
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())
FILLED_WITH: Final = {
    "IMAGE": "registry.example/sparring:1",
    "NAME": "yolox-nano-official",
    "WORKSPACE": "default",
    "MODEL": "yolox-nano",
    "VERSION": "0c6f3b0e-8a52-4b0f-9f4e-4d1f4cf1a3a7",
    "LANE": "official",
    "ROW": "work",
}


def compose_schema() -> dict[str, Any]:
    """The compose specification's own, out of check-jsonschema's wheel."""
    path = distribution("check-jsonschema").locate_file("check_jsonschema/builtin_schemas/vendor/compose-spec.json")
    schema: dict[str, Any] = json.loads(Path(str(path)).read_text())
    return schema


def filled(template: str) -> list[dict[str, Any]]:
    """The objects of a template; KeyError for a placeholder that nothing fills."""
    return list(yaml.safe_load_all(Template(template).substitute(FILLED_WITH)))


def manifests() -> list[dict[str, Any]]:
    """Every object under deploy/kubernetes, but the kustomization itself."""
    return [
        found
        for path in sorted(KUBERNETES.rglob("*.yaml"))
        if path.name != "kustomization.yaml"
        for found in filled(path.read_text())
    ]
