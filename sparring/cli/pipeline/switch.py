"""`sparring pipeline deploy`, `undeploy` and `rollback`. Each prints what is live afterwards."""

import argparse
from typing import TYPE_CHECKING

from schemas.names import PipelineName
from sparring.cli.client import connected, pipeline_named, what_is_live
from sparring.cli.exits import OK
from sparring.cli.out import say

if TYPE_CHECKING:
    from sparring.client import Client


def deploy(parsed: argparse.Namespace) -> int:
    """Make the latest version live."""
    with connected(parsed.workspace) as client:
        pipeline_named(client, parsed.pipeline).deploy(deploy_wait_s=parsed.wait)
        return _say(client, parsed.pipeline)


def undeploy(parsed: argparse.Namespace) -> int:
    """Take it out of service."""
    with connected(parsed.workspace) as client:
        pipeline_named(client, parsed.pipeline).undeploy()
        return _say(client, parsed.pipeline)


def rollback(parsed: argparse.Namespace) -> int:
    """Make an earlier version live again."""
    with connected(parsed.workspace) as client:
        pipeline_named(client, parsed.pipeline).rollback(parsed.version, deploy_wait_s=parsed.wait)
        return _say(client, parsed.pipeline)


def _say(client: "Client", name: str) -> int:
    say(str(what_is_live(client, PipelineName(client.get_current_workspace().name(), name))))
    return OK
