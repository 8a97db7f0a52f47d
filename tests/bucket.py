"""As much of S3 as a client needs to look, to list and to get, on loopback: what lies in it is a dict."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

LIST_KEYS_MAX: Final = 5
"""Of one page: a listing of few objects goes over several."""

_LOOK_EVERY_S: Final = 0.02
_CHANGED: Final = "2026-01-01T00:00:00.000Z"
_CHANGED_IN_HEADERS: Final = "Thu, 01 Jan 2026 00:00:00 GMT"

CHANGED_MS: Final = 1_767_225_600_000
"""When every object was last changed, Unix milliseconds."""


class Buckets(ThreadingHTTPServer):
    """objects: bytes by `/bucket/key`; denied: paths, of objects or of buckets, which nobody may read."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.objects: dict[str, bytes] = {}
        self.denied: set[str] = set()

    @property
    def endpoint(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.server_port}"

    @property
    def options(self) -> str:
        """What a URI must say after its `?`, to be asked of here."""
        return f"scheme=http&region=x&endpoint_override={self.endpoint}"


@contextmanager
def buckets() -> Iterator[Buckets]:
    """Buckets that are served while the block runs."""
    with Buckets() as server:
        serving = threading.Thread(target=server.serve_forever, args=(_LOOK_EVERY_S,))
        serving.start()
        try:
            yield server
        finally:
            server.shutdown()
            serving.join()


class _Asked(BaseHTTPRequestHandler):
    server: Buckets

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        asked = urlsplit(self.path)
        path = unquote(asked.path).rstrip("/")
        bucket, slash, _ = path[1:].partition("/")
        if self.server.denied & {path, f"/{bucket}"}:
            self._refuse(403, "AccessDenied")
        elif not any(name.startswith(f"/{bucket}/") for name in self.server.objects):
            self._refuse(404, "NoSuchBucket")
        elif not slash:
            self._list(bucket, {name: values[0] for name, values in parse_qs(asked.query).items()})
        elif path not in self.server.objects:
            self._refuse(404, "NoSuchKey")
        else:
            self._get(self.server.objects[path])

    def _get(self, content: bytes) -> None:
        if "Range" not in self.headers:
            self._say(200, content)
            return
        begin, _, end = self.headers["Range"].removeprefix("bytes=").partition("-")
        part = content[int(begin) : int(end) + 1 if end else None]
        self._say(206, part, {"Content-Range": f"bytes {begin}-{int(begin) + len(part) - 1}/{len(content)}"})

    def _list(self, bucket: str, asked: dict[str, str]) -> None:
        prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
        after = asked.get("continuation-token", "")
        entries: dict[str, str] = {}
        for name, content in sorted(self.server.objects.items()):
            key = name.removeprefix(f"/{bucket}/")
            if key == name or not key.startswith(prefix):
                continue
            folder, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            if found:
                inside = f"{prefix}{folder}{delimiter}"
                entries[inside] = f"<CommonPrefixes><Prefix>{escape(inside)}</Prefix></CommonPrefixes>"
            else:
                entries[key] = (
                    f"<Contents><Key>{escape(key)}</Key><LastModified>{_CHANGED}</LastModified>"
                    f"<Size>{len(content)}</Size></Contents>"
                )
        left = sorted(name for name in entries if name > after)
        page = left[: min(LIST_KEYS_MAX, int(asked.get("max-keys", LIST_KEYS_MAX)))]
        more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if len(left) > len(page) else ""
        said = f"<KeyCount>{len(page)}</KeyCount><IsTruncated>{'true' if more else 'false'}</IsTruncated>{more}"
        body = "".join(entries[name] for name in page)
        self._say(200, f"<ListBucketResult>{said}{body}</ListBucketResult>".encode())

    def _refuse(self, status: int, code: str) -> None:
        self._say(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    def _say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Last-Modified": _CHANGED_IN_HEADERS}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
