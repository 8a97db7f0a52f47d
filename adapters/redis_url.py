"""The URL by which Redis or Valkey is reached: checked once, and shown without what it hides."""

from typing import Final
from urllib.parse import parse_qs, urlsplit

from schemas.errors import SettingError

_EXPECTED: Final = "expected redis[s]://[[user]:password@]host:port/db; the URL is not shown, it may hold a password"
_PERCENT: Final = "in a password `/`, `?`, `#`, `@` and `%` are percent-encoded"
_UNCHECKED: Final = ("ssl_cert_reqs", "ssl_check_hostname")
"""Options of redis-py by which a certificate would be taken as it comes."""


def shown_url(text: str) -> str:
    """The URL as messages may show it: scheme, host, port and database. SettingError, which does not quote it, where it
    is none, or would have a certificate go unchecked."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise SettingError(f"SPARRING_REDIS: a host or a port that is none; {_PERCENT}; {_EXPECTED}") from None
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise SettingError(f"SPARRING_REDIS: its scheme is none of redis, rediss, unix; {_EXPECTED}")
    if parts.fragment or any("@" in rest for rest in (parts.path, parts.query)):
        raise SettingError(f"SPARRING_REDIS: a `#`, or an `@` behind the host; {_PERCENT}; {_EXPECTED}")
    database = parts.path.strip("/")
    if parts.scheme != "unix" and database and not database.isdecimal():
        raise SettingError(f"SPARRING_REDIS: its database is no number; {_PERCENT}; {_EXPECTED}")
    if unchecked := parse_qs(parts.query, keep_blank_values=True).keys() & _UNCHECKED:
        raise SettingError(
            f"SPARRING_REDIS: the option {min(unchecked)}; expected none: certificates and their names are always "
            "checked, and ssl_ca_certs names an authority of your own"
        )
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{parts.path}"
