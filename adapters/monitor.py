"""What a service shows of itself over HTTP: /metrics, /live, /ready, and of a host /targets.

The main loop says in each turn what it waits for (`turned`). Live: the loop has turned within LIVE_S_MAX.
Ready: it waits for nothing. Nothing here talks to Kafka or Redis: a probe cannot hang.
"""

import json
import logging
import socket
import socketserver
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import msgspec

from adapters.meter import Meter
from schemas.errors import SettingError
from schemas.limits import LIVE_S_MAX
from schemas.metrics import LOG_RECORDS
from schemas.presence import ProcessKind

log = logging.getLogger(__name__)

METRICS_PATH: Final = "/metrics"
LIVE_PATH: Final = "/live"
READY_PATH: Final = "/ready"
TARGETS_PATH: Final = "/targets"
_STARTING: Final = ("the process to be started",)
_EXPECTED: Final = "expected host:port, port 0 for a free one"


class Target(msgspec.Struct, frozen=True):
    """A model process that a host names to Prometheus."""

    port: int
    labels: dict[str, str]


class Monitor:
    """Listens from its making until `close`.

    Raises:
        SettingError: the address is none, or is taken.
    """

    def __init__(self, address: str, kind: ProcessKind, live_s_max: float = LIVE_S_MAX) -> None:
        self.meter = Meter(kind)
        self.targets: Sequence[Target] = ()
        """Of a host: its model processes."""
        self.stopping = threading.Event()
        """Set when the process ends: it is not ready from then on."""
        self._waits_for: tuple[str, ...] = _STARTING
        self._turned_s = time.monotonic()
        self._live_s_max = live_s_max
        host, port = host_and_port(address)
        try:
            self._server = _Server((host, port), self)
        except OSError as error:
            raise SettingError(f"SPARRING_METRICS: {address!r}: {error.strerror}; {_EXPECTED}") from error
        self.port: int = self._server.server_address[1]
        self._counting = _CountingHandler(self.meter)
        logging.getLogger().addHandler(self._counting)
        threading.Thread(target=self._server.serve_forever, name="monitor", daemon=True).start()
        log.info("metrics, /live and /ready on %s:%d", host, self.port)

    def turned(self, waits_for: Sequence[str] = ()) -> None:
        """The main loop goes round. waits_for: what is missing before it can do its work, in a few words each."""
        self._waits_for = tuple(waits_for)
        self._turned_s = time.monotonic()

    def live(self) -> tuple[bool, dict[str, Any]]:
        """Whether the main loop runs, and the text of /live."""
        still_s = time.monotonic() - self._turned_s
        return still_s <= self._live_s_max, {"live": still_s <= self._live_s_max, "last_turn_s": round(still_s, 3)}

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether the service is ready, and the text of /ready."""
        live, _ = self.live()
        waits_for = [*self._waits_for, *([] if live else ["the main loop to go round"])]
        if self.stopping.is_set():
            waits_for = ["its end: it was told to stop"]
        return not waits_for, {"ready": not waits_for, "waits_for": waits_for}

    def close(self) -> None:
        """Listen no more."""
        logging.getLogger().removeHandler(self._counting)
        self._server.shutdown()
        self._server.server_close()


def host_and_port(address: str) -> tuple[str, int]:
    """`host:port` in parts; SettingError where it is none."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise SettingError(f"SPARRING_METRICS: {address!r}; {_EXPECTED}")
    return host.strip("[]"), int(port)


class _CountingHandler(logging.Handler):
    """Counts lines of log by level."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter
        for level in ("WARNING", "ERROR", "CRITICAL"):
            # From 0, so that the first one is a rise.
            meter.add(LOG_RECORDS, 0, level=level)

    def emit(self, record: logging.LogRecord) -> None:
        """One more."""
        self._meter.add(LOG_RECORDS, level=record.levelname)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], monitor: Monitor) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)
        self.monitor = monitor

    def server_bind(self) -> None:
        """Without HTTPServer's question for the host's name, which a broken resolver does not answer."""
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Somebody hung up: no traceback among lines of JSON."""
        log.debug("%s from %s broke", request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10.0

    def do_GET(self) -> None:
        """One page."""
        monitor = self.server.monitor
        match self.path.partition("?")[0]:
            case "/metrics":
                content, content_type = monitor.meter.exposition(self.headers.get("Accept", ""))
                self._reply(200, content, content_type)
            case "/live":
                self._state(*monitor.live())
            case "/ready":
                self._state(*monitor.ready())
            case "/targets":
                self._json(200, [self._target(target) for target in monitor.targets])
            case path:
                pages = [METRICS_PATH, LIVE_PATH, READY_PATH, TARGETS_PATH]
                self._json(404, {"error": f"no page {path}; expected one of {', '.join(pages)}"})

    def _state(self, well: bool, what: dict[str, Any]) -> None:
        self._json(200 if well else 503, what)

    def _target(self, target: Target) -> dict[str, Any]:
        # Whoever reached the host at this address reaches its model processes there as well.
        host = self.connection.getsockname()[0]
        host = f"[{host}]" if ":" in host else host
        return {"targets": [f"{host}:{target.port}"], "labels": target.labels}

    def _json(self, code: int, what: object) -> None:
        self._reply(code, json.dumps(what).encode() + b"\n", "application/json")

    def _reply(self, code: int, content: bytes, content_type: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class calls it so
        """Not a line per probe."""
