"""`sparring pipeline list`, `show` and `history`."""

import argparse

from schemas.errors import EntityNotFoundError
from schemas.names import PipelineName
from sparring.cli.client import catalog_of, complain, connected, pipeline_named
from sparring.cli.exits import NOTHING_THERE, OK
from sparring.cli.out import print_json, say
from sparring.cli.pipeline.facts import PipelineVersionFacts, pipeline_facts, version_facts
from sparring.cli.tables import console, short, table


def list_pipelines(parsed: argparse.Namespace) -> int:
    """All of one workspace."""
    with connected(parsed.workspace) as client:
        known = catalog_of(client).pipelines
    facts = [pipeline_facts(name, one) for name, one in known.items() if name.workspace == parsed.workspace]
    if parsed.json:
        print_json(facts)
    elif not facts:
        say(f"workspace {parsed.workspace} has no pipeline: `sparring pipeline apply` makes one")
    else:
        shown = table("pipeline", "deployed", "live version", "versions ", "tags", "steps", "last updated (UTC)")
        for one in facts:
            deployed, live = ("yes", short(one.live)) if one.live else ("no", "-")
            updated = f"{one.last_updated:%Y-%m-%d %H:%M:%S}"
            cells = (one.name, deployed, live, str(one.versions), ", ".join(one.tags), one.steps, updated)
            shown.add_row(*cells)
        console().print(shown)
    return OK


def show_pipeline(parsed: argparse.Namespace) -> int:
    """One version of a pipeline."""
    try:
        with connected(parsed.workspace) as client:
            status = pipeline_named(client, parsed.pipeline).status()
            name = PipelineName(parsed.workspace, parsed.pipeline)
            facts = version_facts(name, catalog_of(client).pipelines[name], parsed.version, status)
    except EntityNotFoundError as error:
        complain(error)
        return NOTHING_THERE
    if parsed.json:
        print_json(facts)
    else:
        say(*_page(facts))
    return OK


def show_history(parsed: argparse.Namespace) -> int:
    """When which version went live."""
    try:
        with connected(parsed.workspace) as client:
            switches = pipeline_named(client, parsed.pipeline).history()
    except EntityNotFoundError as error:
        complain(error)
        return NOTHING_THERE
    if parsed.json:
        print_json(switches)
    elif not switches:
        say(f"pipeline {parsed.workspace}/{parsed.pipeline} was never deployed")
    else:
        shown = table("time (UTC)", "version", "by", "")
        for index, switch in enumerate(switches):
            now = "" if index else ("live" if switch["version"] else "nothing is live")
            when = f"{switch['time']:%Y-%m-%d %H:%M:%S}"
            shown.add_row(when, switch["version"] or "undeployed", switch["by"] or "-", now)
        console().print(shown)
    return OK


def _page(facts: PipelineVersionFacts) -> list[str]:
    """Lines that a person reads from the top."""
    live = "no" if facts.live is None else f"yes, version {facts.live}"
    rows = [
        ("name", f"{facts.workspace}/{facts.name}"),
        ("created", f"{facts.created:%Y-%m-%d %H:%M:%S} UTC"),
        ("last updated", f"{facts.last_updated:%Y-%m-%d %H:%M:%S} UTC"),
        ("deployed", live),
        ("tags", ", ".join(facts.tags) or "-"),
        ("versions", ", ".join(short(version) for version in facts.versions)),
    ]
    lines = [f"{name:14}{text}" for name, text in rows]
    state = "live" if facts.version == facts.live else "not live"
    lines += ["", f"version {facts.version}, {state}, made {facts.version_created:%Y-%m-%d %H:%M:%S} UTC"]
    lines += [f"  step {index}        {words}" for index, words in enumerate(facts.words)] or ["  no steps"]
    lines += [f"  validation    {name}: {rule}" for name, rule in facts.validations.items()]
    lines += ["", f"status        {facts.status['status']}, {facts.status['routers']} router(s)"]
    for model in facts.status["models"]:
        which = f"{model['name']}@{short(model['version'])} ({model['lane']})"
        lines.append(f"  model         {which}: {model['status']}, {model['processes']} process(es)")
    return lines + [f"  problem       {said}" for said in facts.status["details"]]
