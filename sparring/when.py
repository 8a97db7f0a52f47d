"""Times as the tutorial prints them."""

from datetime import UTC, datetime


def moment(unix_ms: int) -> datetime:
    """A UTC time; it prints as `2023-08-14 14:34:08.984000+00:00`."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC)


def printed(unix_ms: int) -> str:
    """`2023-08-14 14:34:08.984000+00:00`: always with its fraction."""
    return moment(unix_ms).isoformat(sep=" ", timespec="microseconds")
