"""What `sparring pipeline deploy`, `undeploy` and `rollback` do. Each prints what is live afterwards."""

import argparse
from typing import TYPE_CHECKING

from schemas.names import PipelineName
from sparring.cli.client import catalog_of, connected, found
from sparring.cli.exits import OK
from sparring.cli.out import say
from sparring.pipeline_file.describe import steps_in_words

if TYPE_CHECKING:
    from sparring.client import Client


def deploy(parsed: argparse.Namespace) -> int:
    """Make the latest version live."""
    with connected(parsed.workspace) as client:
        found(client, parsed.pipeline).deploy(deploy_wait_s=parsed.wait)
        return _print_outcome(client, parsed.pipeline)


def undeploy(parsed: argparse.Namespace) -> int:
    """Take it out of service."""
    with connected(parsed.workspace) as client:
        found(client, parsed.pipeline).undeploy()
        return _print_outcome(client, parsed.pipeline)


def rollback(parsed: argparse.Namespace) -> int:
    """Make an earlier version live again."""
    with connected(parsed.workspace) as client:
        found(client, parsed.pipeline).rollback(parsed.version, deploy_wait_s=parsed.wait)
        return _print_outcome(client, parsed.pipeline)


def _print_outcome(client: "Client", name: str) -> int:
    say(str(what_is_live(client, PipelineName(client.get_current_workspace().name(), name))))
    return OK


def what_is_live(client: "Client", name: PipelineName) -> str:
    """One line: the version, and its steps in words."""
    live = catalog_of(client).live(name)
    return f"{name}: " + (
        "nothing is live" if live is None else f"{live.version} is live: {steps_in_words(live.steps)}"
    )
