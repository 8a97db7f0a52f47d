"""`sparring --help`: summary, the commands in groups, how the system is found, exit codes, examples."""

from collections.abc import Mapping
from typing import Final

from sparring.cli.command import Parser
from sparring.cli.exits import MEANINGS

ABOUT: Final = """\
sparring vets computer-vision models in production, on a message queue. Frames go to a Kafka topic; a
router gives each to one model by weighted hash (an A/B test), or to the champion and all challengers
(a shadow deploy). Every answer names the model that made it. This command runs the system, makes models
and pipelines, sends frames and shows answers; `sparring.Client()` does it from Python."""

GROUPS: Final = {
    "run it on this machine": ("up", "down", "status"),
    "models and pipelines": ("model", "pipeline"),
    "frames": ("send",),
    "answers": ("results", "result"),
    "yesterday's frames": ("replay",),
    "one model beside another": ("compare",),
    "nothing lost": ("verify", "deadletters", "index"),
    "a Kafka of your own": ("topics",),
    "this program": ("completion", "version"),
}

VARIABLES: Final = {
    "SPARRING_DATA": "folder of the local stack; default ~/.sparring",
    "SPARRING_KAFKA": "brokers, host:port, several with commas. Not set: the local stack in SPARRING_DATA",
    "SPARRING_REDIS": "beside SPARRING_KAFKA: URL of Redis or Valkey; default redis://127.0.0.1:6379/0",
    "SPARRING_STORE": "beside SPARRING_KAFKA: folder or URI (file, s3, gs) of the model store",
    "SPARRING_NAMESPACE": "beside SPARRING_KAFKA: first part of all topics and Redis keys; default sparring",
}

EXAMPLES: Final = {
    "sparring up -d": "start Kafka, Valkey, router, host and indexer here",
    "sparring pipeline apply -f shelf.yaml": "make the models and the pipeline that the file wants",
    "sparring send frames/ --pipeline shelf --fps 10": "ten pictures of a folder a second",
    "sparring results --pipeline shelf --follow": "the answers, as they come",
}

DOCS: Final = """\
docs/cli.md has every command and option, docs/contract.md topics, headers and errors, README.md the
first steps. `sparring COMMAND --help` describes one command, with examples."""


class ManualParser(Parser):
    """The parser of `sparring` itself. commands: each one's name and summary, filled as they are added."""

    def __init__(self) -> None:
        super().__init__(prog="sparring", description=ABOUT, usage="sparring COMMAND [OPTION ...]")
        self.summaries: dict[str, str] = {}

    def format_help(self) -> str:
        """The whole page."""
        grouped = [name for names in GROUPS.values() for name in names]
        groups = {
            title: {name: self.summaries[name] for name in names if name in self.summaries}
            for title, names in GROUPS.items()
        } | {"more": {name: text for name, text in self.summaries.items() if name not in grouped}}
        options = {"-h, --help": "print this page", "--version": "print the version"}
        parts = [
            self.format_usage() + f"\n{ABOUT}",
            *(_section(title, rows) for title, rows in groups.items() if rows),
            _section("options", options),
            _section("where the system is (environment variables)", VARIABLES),
            _section("exit codes", {str(code): meaning for code, meaning in MEANINGS.items()}),
            "examples:\n" + "\n".join(f"  {typed:49}  # {what}" for typed, what in EXAMPLES.items()),
            DOCS,
        ]
        return "\n\n".join(parts) + "\n"


def _section(title: str, rows: Mapping[str, str]) -> str:
    width = max(12, *(len(name) for name in rows))
    return f"{title}:\n" + "\n".join(f"  {name:{width}}  {text}" for name, text in rows.items())
