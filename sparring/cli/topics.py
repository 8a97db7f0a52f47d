"""`sparring topics`: the topics of a namespace, on a Kafka of your own."""

import argparse
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from adapters.brokers import Brokers
from schemas.topics import Topic, fixed_topics
from sparring.cli.command import Parser, add_command
from sparring.cli.exits import NOTHING_THERE, OK
from sparring.cli.out import print_json, say
from sparring.cli.prune import add_action

if TYPE_CHECKING:
    from sparring.cli.command import Commands

_ABOUT: Final = (
    "Create the topics that must exist before any service starts, show what is there, delete what nobody needs."
)

_ABOUT_CREATE: Final = """\
Create the fixed topics of the namespace where they do not exist; do nothing to those that do. One line
per topic says which it was, and names each setting that is not as docs/contract.md has it: such a topic
works as it is set, and what cannot work the services refuse when they start. The broker's
default.replication.factor and min.insync.replicas hold, here and for the topics of models."""

_ABOUT_LIST: Final = """\
Show the topics of the namespace: the fixed ones, and those of models, which deploy() creates."""

ROLES: Final = {
    "frames": ("anyone", "router"),
    "results": ("model processes, router", "anyone"),
    "shadows": ("model processes, router", "anyone"),
    "deadletters": ("model processes, router", "anyone"),
    "work": ("router", "model processes"),
    "shadow": ("router", "model processes"),
    "catalog": ("SDK", "all"),
    "presence": ("all services", "host, SDK"),
}
"""Writers and readers, by the first word after the namespace, as in docs/contract.md."""

SETTINGS: Final = {name for topic in fixed_topics("") for name in topic.config()} | {
    "min.insync.replicas",
    "retention.ms",
}


class FoundTopic(msgspec.Struct, frozen=True):
    """A topic as the broker has it. Milliseconds and bytes; retention_ms -1 keeps records for ever."""

    name: str
    partitions: int
    replication: int
    retention_ms: int
    record_bytes_max: int
    compacted: bool
    written_by: str
    read_by: str
    config: dict[str, str]
    """Its settings, as far as the table of topics has a say in them; and min.insync.replicas."""


def add_commands(commands: "Commands") -> None:
    """Add this group's commands."""
    examples = ["sparring topics create", "sparring topics list --json | jq -r '.[].name'"]
    topics = add_command(commands, "topics", "create, show and prune topics", about=_ABOUT, examples=examples)
    actions: Commands = topics.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=Parser)
    create = add_command(
        actions,
        "create",
        "create the fixed topics that do not exist",
        about=_ABOUT_CREATE,
        examples=["SPARRING_KAFKA=kafka-1:9092,kafka-2:9092 sparring topics create"],
    )
    create.set_defaults(run=_create)
    shown = add_command(
        actions,
        "list",
        "show partitions, replication, retention, most bytes, who writes and reads",
        about=_ABOUT_LIST,
        examples=examples[1:],
        exits=["3  the namespace has no topic"],
    )
    shown.add_argument("--json", action="store_true", help="for programs: a list of objects, times in milliseconds")
    shown.set_defaults(run=_list)
    add_action(actions)


def _create(_: argparse.Namespace) -> int:
    from sparring.kafka.broker import Broker  # noqa: PLC0415  # slow: see cli.command
    from sparring.system.connection import found_settings  # noqa: PLC0415  # as above

    settings = found_settings()
    expected = fixed_topics(settings.namespace)
    with Broker(settings.brokers) as broker:
        before = {topic.name for topic in expected if broker.has_topic(topic.name)}
        broker.create(expected)
    found = {topic.name: topic for topic in found_topics(settings.brokers, settings.namespace)}
    for topic in expected:
        state = "was there" if topic.name in before else "created"
        wrong = differences(found[topic.name], topic)
        say(f"{topic.name}: {state}{', but differs: ' if wrong else ''}{'; '.join(wrong)}")
    return OK


def _list(parsed: argparse.Namespace) -> int:
    from sparring.system.connection import found_settings  # noqa: PLC0415  # slow: see cli.command

    settings = found_settings()
    found = list(found_topics(settings.brokers, settings.namespace))
    if parsed.json:
        print_json(found)
    elif not found:
        say(f"{settings.kafka} has no topic of {settings.namespace}: `sparring topics create` makes them")
    else:
        _print(found)
    return OK if found else NOTHING_THERE


def differences(found: FoundTopic, expected: Topic) -> list[str]:
    """What is not as the table has it, one sentence each. A topic may take more, and have more partitions
    unless its order matters as a whole. Pure."""
    wrong = []
    if found.partitions < expected.partitions or (expected.partitions == 1 != found.partitions):
        wrong.append(f"partitions is {found.partitions}, expected {expected.partitions}")
    for name, value in expected.config().items():
        held = found.config[name]
        if held != value and not (name == "max.message.bytes" and int(held) > int(value)):
            wrong.append(f"{name} is {held}, expected {value}")
    return wrong


def found_topics(kafka: Brokers, namespace: str) -> Iterator[FoundTopic]:
    """The namespace's topics on that Kafka, by name.

    Raises:
        ConnectionError: when no broker answers.
    """
    from kafka.admin import KafkaAdminClient  # noqa: PLC0415  # slow
    from kafka.errors import KafkaError  # noqa: PLC0415  # as above

    from sparring.kafka.broker import Broker, topic_configs  # noqa: PLC0415  # as above

    Broker(kafka).close()  # says in one line that nobody answers, where the admin client would go on trying
    try:
        with contextlib.closing(KafkaAdminClient(**kafka.kafka_python())) as admin:
            ours = sorted(name for name in admin.list_topics() if row(name, namespace) is not None)
            described = {topic["name"]: topic["partitions"] for topic in admin.describe_topics(ours)} if ours else {}
            configs = topic_configs(admin, ours)
    except KafkaError as error:
        raise ConnectionError(f"topics on {kafka} could not be read: {error}") from error
    for name in ours:
        config = {key: value for key, value in sorted(configs[name].items()) if key in SETTINGS}
        written_by, read_by = ROLES[row(name, namespace) or ""]
        compacted = "compact" in config["cleanup.policy"]
        yield FoundTopic(
            name,
            partitions=len(described[name]),
            replication=min(len(partition["replica_nodes"]) for partition in described[name]),
            retention_ms=-1 if compacted else int(config["retention.ms"]),
            record_bytes_max=int(config["max.message.bytes"]),
            compacted=compacted,
            written_by=written_by,
            read_by=read_by,
            config=config,
        )


def row(topic: str, namespace: str) -> str | None:
    """Which row of the table of topics a name belongs to; None for a topic of somebody else. Pure."""
    beginning, _, rest = topic.partition(f"{namespace}.")
    word, dot, _ = rest.partition(".")
    of_model = word in {"work", "shadow"}
    return word if not beginning and word in ROLES and of_model == bool(dot) else None


def _print(found: list[FoundTopic]) -> None:
    from sparring.cli.tables import console, mib, table  # noqa: PLC0415  # slow: see cli.command

    shown = table("topic", "partitions ", "replication ", "kept", "most bytes ", "written by", "read by")
    for topic in found:
        kept = "newest per key" if topic.compacted else _span(topic.retention_ms)
        numbers = (str(topic.partitions), str(topic.replication), kept, mib(topic.record_bytes_max))
        shown.add_row(topic.name, *numbers, topic.written_by, topic.read_by)
    console().print(shown)


def _span(retention_ms: int) -> str:
    hours = retention_ms / 3_600_000
    if retention_ms < 0:
        return "for ever"
    return f"{hours / 24:g} days" if hours > 48 else f"{hours:g} h"
