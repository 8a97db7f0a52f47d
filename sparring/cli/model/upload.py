"""`sparring model upload`. Everything is checked before the file is stored."""

import argparse
from pathlib import Path
from typing import Final

from sparring.cli.client import catalog_of, connected
from sparring.cli.exits import OK
from sparring.cli.model.facts import page, version_facts
from sparring.cli.out import print_json, say
from sparring.deployment.configure import configuration
from sparring.framework import Framework
from sparring.pipeline_file.plan import new_version

_OPTIONS: Final = (
    "tensor_fields",
    "batch_config",
    "class_names",
    "batch_rows_max",
    "batch_wait_ms_max",
    "outputs_per_row",
)


def upload(parsed: argparse.Namespace) -> int:
    """Upload, and configure if an option requests it."""
    given = {name: getattr(parsed, name) for name in _OPTIONS if getattr(parsed, name) is not None}
    framework, path = Framework(parsed.framework), Path(parsed.path)
    with connected(parsed.workspace) as client:
        if given:
            configuration(new_version(parsed.workspace, parsed.name, path, path.read_bytes(), framework), **given)
        model = client.upload_model(parsed.name, path, framework)
        if given:
            model.configure(**given)
        facts = version_facts(parsed.workspace, f"{parsed.name}@{model.version()}", catalog_of(client))
    if parsed.json:
        print_json(facts)
    else:
        say(*page(facts))
    return OK
