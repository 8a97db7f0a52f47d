"""What `sparring model list` and `show` do."""

import argparse
from collections.abc import Iterator, Sequence

from schemas.errors import EntityNotFoundError
from schemas.models import TensorSpec
from sparring.cli.exits import NOTHING_THERE, OK
from sparring.cli.model.facts import VersionFacts, model_facts, version_facts
from sparring.cli.out import print_json, say
from sparring.cli.pipeline.client import catalog_of, complain, connected
from sparring.cli.tables import console, short, table
from sparring.pipeline_file.describe import configuration_in_words

_MIB = 1024 * 1024


def list_models(parsed: argparse.Namespace) -> int:
    """All of one workspace."""
    with connected(parsed.workspace) as client:
        catalog = catalog_of(client)
    names = dict.fromkeys(one.name for one in catalog.models.values() if one.workspace == parsed.workspace)
    facts = [model_facts(parsed.workspace, name, catalog) for name in names]
    if parsed.json:
        print_json(facts)
    elif not facts:
        say(f"workspace {parsed.workspace} has no model: `sparring model upload` uploads one")
    else:
        shown = table("model", "versions ", "newest", "framework", "size ", "uploaded (UTC)")
        for one in facts:
            when = f"{one.uploaded:%Y-%m-%d %H:%M:%S}"
            shown.add_row(
                one.name, str(one.versions), short(one.version), one.framework, in_words(one.size_bytes), when
            )
        console().print(shown)
    return OK


def show_model(parsed: argparse.Namespace) -> int:
    """One version of a model."""
    try:
        with connected(parsed.workspace) as client:
            facts = version_facts(parsed.workspace, parsed.model, catalog_of(client))
    except EntityNotFoundError as error:
        complain(error)
        return NOTHING_THERE
    if parsed.json:
        print_json(facts)
    else:
        say(*page(facts))
    return OK


def page(facts: VersionFacts) -> Iterator[str]:
    """Lines that a person reads from the top."""
    yield f"name           {facts.workspace}/{facts.name}"
    yield f"version        {facts.version}"
    yield f"sha            {facts.sha}"
    yield f"framework      {facts.framework}"
    yield f"file           {facts.file_name}, {in_words(facts.size_bytes)}, {facts.uploaded:%Y-%m-%d %H:%M:%S} UTC"
    yield from _tensors("inputs", facts.inputs, facts.framework)
    yield from _tensors("outputs", facts.outputs, facts.framework)
    yield f"configuration  {configuration_in_words(facts.configuration) or 'the defaults'}"
    yield f"live in        {', '.join(facts.live_in) or 'no pipeline'}"
    yield f"versions       {', '.join(short(version) for version in facts.versions)}"


def in_words(size_bytes: int) -> str:
    """Bytes as a person reads them; small ones are not rounded away."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    return f"{size_bytes / 1024:,.1f} KiB" if size_bytes < _MIB else f"{size_bytes / _MIB:,.1f} MiB"


def _tensors(title: str, specs: Sequence[TensorSpec], framework: str) -> Iterator[str]:
    if not specs:
        yield f"{title:15}not declared: configure() says them"
    for index, spec in enumerate(specs):
        shape = "" if framework == "python" else f" {spec.shown_shape}"
        yield f"{'' if index else title:15}{spec.name} {spec.dtype}{shape}"
