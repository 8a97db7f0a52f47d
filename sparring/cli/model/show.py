"""`sparring model list` and `show`."""

import argparse

from schemas.errors import EntityNotFoundError
from sparring.cli.client import catalog_of, complain, connected
from sparring.cli.exits import NOTHING_THERE, OK
from sparring.cli.model.facts import bytes_in_words, model_facts, page, version_facts
from sparring.cli.out import print_json, say
from sparring.cli.tables import console, short, table


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
                one.name, str(one.versions), short(one.version), one.framework, bytes_in_words(one.size_bytes), when
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
