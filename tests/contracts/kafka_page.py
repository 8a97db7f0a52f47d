"""The programs that docs/kafka.md prints, and what makes them those of another stack."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGE: Final = (Path(__file__).parents[2] / "docs" / "kafka.md").read_text()


@dataclass(frozen=True)
class Program:
    """One block of code. section: the heading that it stands under."""

    section: str
    language: str
    code: str


def _programs() -> list[Program]:
    found = []
    for section in PAGE.split("\n## ")[1:]:
        heading = section.partition("\n")[0]
        blocks = re.findall(r"^```(\w+)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
        found += [Program(heading, language, code) for language, code in blocks]
    return found


PROGRAMS: Final = _programs()
SEND: Final = "Send"
READ: Final = "Read the answers as a stream"
LOOK_UP: Final = "Look one answer up in Redis"
WHOLE_TRIP: Final = "The whole trip in one program"


def printed(section: str, language: str) -> list[str]:
    """The programs of a section in one language, in their order."""
    return [one.code for one in PROGRAMS if (one.section, one.language) == (section, language)]
