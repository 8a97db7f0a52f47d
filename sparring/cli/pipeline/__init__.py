"""`sparring pipeline`: the calls of the SDK's pipelines, and `apply`, which brings a system to the state of a file."""

import argparse
import math
from typing import TYPE_CHECKING, Final

from schemas.limits import DEPLOY_WAIT_S
from schemas.names import DEFAULT_WORKSPACE, checked_name
from sparring.cli.command import Parser, add_command

if TYPE_CHECKING:
    from sparring.cli.command import Commands

_ABOUT: Final = "Pipelines: make them from a file, switch them on, off and back, show them."

_ABOUT_APPLY: Final = """\
Make what a YAML file wants: workspace, models, configurations, steps, validation rules, tags, deployed or
not. Only what differs is done, one line each (+ comes, - goes, ~ becomes another); applying the same file
again says `nothing to change`. docs/pipeline-file.md has the format.

The whole file is checked before anything is done: names, models, weights, schemas, whether each step fits
the one before, whether each rule can be evaluated. What fails later, such as a model that is not ready in
time, ends it with what was done before and what was not; applying again goes on from there."""

_ABOUT_LIST: Final = "The pipelines of a workspace, oldest first. A table, in a file or a pipe not shortened."

_ABOUT_SHOW: Final = """\
Show one pipeline: its versions, tags, the steps and validation rules of the live version (of the latest
where none is live), and what runs of it now."""

_ABOUT_DEPLOY: Final = """\
Make the latest version live: the one that was added last, or rolled back to. Where one of its models was
configured since, a new version of the same steps takes the newest configuration. It returns when the
version answers; no frame is lost meanwhile. Deploying what is live already does nothing."""

_ABOUT_UNDEPLOY: Final = """\
Take a pipeline out of service and free its models' memory. Its versions stay. Undeploying what is not
deployed does nothing."""

_ABOUT_HISTORY: Final = "When which version went live, and who did it; newest first. The first line is how it is now."

_ABOUT_ROLLBACK: Final = """\
Make an earlier version live again, with its steps, rules and the configurations of its models. No new
version is made."""

NOT_THERE: Final = "3  no such pipeline, version or workspace; one line on stderr says which there are"


def add_commands(commands: "Commands") -> None:
    """Add this group's commands."""
    examples = [
        "sparring pipeline apply -f shelf.yaml",
        "sparring pipeline list",
        "sparring pipeline rollback shelf 3b0e1c2d",
    ]
    group = add_command(
        commands, "pipeline", "pipelines: from a file, deployed, shown", about=_ABOUT, examples=examples
    )
    actions: Commands = group.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=Parser)
    _add_apply(actions)
    _add_shown(actions)
    _add_switched(actions)


def _add_apply(actions: "Commands") -> None:
    apply = add_command(
        actions,
        "apply",
        "make what a file wants",
        about=_ABOUT_APPLY,
        examples=[
            "sparring pipeline apply -f shelf.yaml --dry-run",
            "sparring pipeline apply -f shelf.yaml",
            "generate-shelf | sparring pipeline apply -f - --json",
        ],
    )
    apply.add_argument("-f", "--file", required=True, metavar="PATH", help="the YAML file; -: stdin")
    apply.add_argument("--dry-run", action="store_true", help="print the difference and change nothing")
    apply.add_argument("--json", action="store_true", help="for programs: one object with `changes` and `live`")
    add_wait(apply)
    add_workspace(apply, "where the file names none")
    apply.set_defaults(run=_apply)


def _add_shown(actions: "Commands") -> None:
    listed = add_command(
        actions, "list", "the pipelines of a workspace", about=_ABOUT_LIST, examples=["sparring pipeline list"]
    )
    listed.add_argument("--json", action="store_true", help="for programs: a list of objects")
    shown = add_command(
        actions,
        "show",
        "one pipeline: steps, rules, versions, what runs",
        about=_ABOUT_SHOW,
        examples=["sparring pipeline show shelf", "sparring pipeline show shelf --version 3b0e1c2d --json | jq .steps"],
        exits=[NOT_THERE],
    )
    shown.add_argument("pipeline", metavar="P", help="its name")
    shown.add_argument("--version", metavar="V", help="another version: its uuid, or 4 characters or more of it")
    shown.add_argument("--json", action="store_true", help="for programs: one object; steps as `steps()` has them")
    history = add_command(
        actions,
        "history",
        "what went live when, and by whom",
        about=_ABOUT_HISTORY,
        examples=["sparring pipeline history shelf"],
        exits=[NOT_THERE],
    )
    history.add_argument("pipeline", metavar="P", help="its name")
    history.add_argument("--json", action="store_true", help="for programs: a list of objects, newest first")
    for command, run in ((listed, _list), (shown, _show), (history, _history)):
        add_workspace(command)
        command.set_defaults(run=run)


def _add_switched(actions: "Commands") -> None:
    deploy = add_command(
        actions,
        "deploy",
        "make the latest version live",
        about=_ABOUT_DEPLOY,
        examples=["sparring pipeline deploy shelf", "sparring pipeline deploy shelf --wait 300"],
    )
    undeploy = add_command(
        actions,
        "undeploy",
        "take it out of service",
        about=_ABOUT_UNDEPLOY,
        examples=["sparring pipeline undeploy shelf"],
    )
    rollback = add_command(
        actions,
        "rollback",
        "make an earlier version live again",
        about=_ABOUT_ROLLBACK,
        examples=["sparring pipeline rollback shelf 3b0e1c2d"],
    )
    for command, run in ((deploy, _deploy), (undeploy, _undeploy), (rollback, _rollback)):
        command.add_argument("pipeline", metavar="P", help="its name")
        if command is rollback:
            command.add_argument("version", metavar="VERSION", help="its uuid, or 4 characters or more of it")
        if command is not undeploy:
            add_wait(command)
        add_workspace(command)
        command.set_defaults(run=run)


def add_workspace(command: argparse.ArgumentParser, when: str = "where it is") -> None:
    """Add `--workspace`, which every model and pipeline command has."""
    command.add_argument(
        "--workspace",
        type=_workspace,
        default=DEFAULT_WORKSPACE,
        metavar="W",
        help=f"{when}; default {DEFAULT_WORKSPACE}",
    )


def add_wait(command: argparse.ArgumentParser) -> None:
    """Add `--wait`, which every deploying command has."""
    command.add_argument(
        "--wait",
        type=_seconds,
        default=DEPLOY_WAIT_S,
        metavar="S",
        help=f"seconds that the models may take to be ready; default {DEPLOY_WAIT_S:g}",
    )


def _workspace(text: str) -> str:
    try:
        return checked_name("workspace", text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}; expected seconds above 0")
    return seconds


def _apply(parsed: argparse.Namespace) -> int:
    from sparring.cli.pipeline.apply import apply_file  # noqa: PLC0415  # slow: see cli.command

    return apply_file(parsed)


def _list(parsed: argparse.Namespace) -> int:
    from sparring.cli.pipeline.show import list_pipelines  # noqa: PLC0415  # slow: see cli.command

    return list_pipelines(parsed)


def _show(parsed: argparse.Namespace) -> int:
    from sparring.cli.pipeline.show import show_pipeline  # noqa: PLC0415  # slow: see cli.command

    return show_pipeline(parsed)


def _history(parsed: argparse.Namespace) -> int:
    from sparring.cli.pipeline.show import show_history  # noqa: PLC0415  # slow: see cli.command

    return show_history(parsed)


def _deploy(parsed: argparse.Namespace) -> int:
    from sparring.cli.pipeline.switch import deploy  # noqa: PLC0415  # slow: see cli.command

    return deploy(parsed)


def _undeploy(parsed: argparse.Namespace) -> int:
    from sparring.cli.pipeline.switch import undeploy  # noqa: PLC0415  # slow: see cli.command

    return undeploy(parsed)


def _rollback(parsed: argparse.Namespace) -> int:
    from sparring.cli.pipeline.switch import rollback  # noqa: PLC0415  # slow: see cli.command

    return rollback(parsed)
