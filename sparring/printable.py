"""Text of others as a person may be shown it: a terminal obeys nothing in it. Pure."""

import re
from typing import Final

_OBEYED: Final = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of text
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff"  # bytes of a file's name that are no UTF-8: they cannot be written
    "]"
)


def shown(text: str) -> str:
    r"""The text on one line, with what a terminal would obey as Python writes it: `\x1b`, `\n`, `\u202e`."""
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
