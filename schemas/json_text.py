"""JSON from strangers. msgspec has three ways to say that bytes are none; whoever reads here needs to know one."""

from typing import TypeVar

import msgspec

T = TypeVar("T")


def decode_json(decoder: msgspec.json.Decoder[T], value: bytes) -> T:
    """What `value` says; ValueError where it is no such JSON, no UTF-8, or nested too deep."""
    try:
        return decoder.decode(value)
    except RecursionError as error:
        raise ValueError(str(error)) from None
    except UnicodeDecodeError as error:
        # Its own text would be that of a text alone, as if the whole value were one.
        raise ValueError(f"text that is no UTF-8: {error.reason}") from None
