"""What `sparring send` does with its files: the pipeline is looked up, frames go out, each is reported."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from schemas.errors import FrameTooLarge, RetryLater
from schemas.frames import Origin
from schemas.limits import MIB
from sparring.cli.deployed import require_deployed
from sparring.cli.exits import FAILED, INTERRUPTED, OK
from sparring.cli.interrupt import interrupted_once
from sparring.cli.out import complain, note, say
from sparring.cli.progress import ProgressLine
from sparring.cli.send.refusals import REFUSALS, Refusals
from sparring.kafka.broker import Delivery
from sparring.producer.sender import FINISH_S_MAX, Sender, SentFrame
from sparring.sources import Incomplete, Sendable, frames_of
from sparring.system.connection import Connection, found_settings

STOPPED_S_MAX: Final = 10.0
"""How long is waited for the reports of what is under way, after Ctrl-C or when one was not confirmed."""

_WAIT_S: Final = 1.0
"""A lost broker is noticed after this, however slow the pace is."""

_BEHIND_S_MAX: Final = 1.0
"""A sender that falls further behind the pace than this does not catch up."""


def send(parsed: argparse.Namespace, files: list[Path], refusals: Refusals) -> int:
    """Send the files; returns the exit code."""
    with interrupted_once(), closing(Connection(found_settings())) as connection:
        require_deployed(connection.catalog(), parsed.pipeline)
        return Sending(parsed, connection, files, refusals).run()


class Sending:
    """One run."""

    def __init__(
        self, parsed: argparse.Namespace, connection: Connection, files: list[Path], refusals: Refusals
    ) -> None:
        self._asked = parsed
        self._files = files
        self._refusals = refusals
        self._stopped = False
        self._last: SentFrame | None = None
        self._sender = Sender(
            connection.broker,
            connection.topics.frames,
            parsed.pipeline,
            self._report,
            key=None if parsed.key is None else parsed.key.encode(),
            headers=dict(parsed.header),
            deadline_ms=parsed.deadline_ms,
            store=connection.settings.reference_store,
        )

    def run(self) -> int:
        """Send until there is no more, or a limit, Ctrl-C or a lost broker ends it."""
        interrupted = False
        with interrupted_once(self._sender.interrupt), ProgressLine(self._line) as progress:
            try:
                for frame in self._due():
                    self._send(frame)
                self._sender.finish(STOPPED_S_MAX if self._stopped else FINISH_S_MAX)
            except KeyboardInterrupt:
                interrupted = True
                self._sender.finish(STOPPED_S_MAX)
            summary = progress.line()
        tell = note if self._asked.json else say
        tell(f"{summary}; {self._refusals.count} refused", *self._hint().splitlines())
        if interrupted:
            return INTERRUPTED
        return FAILED if self._stopped or self._sender.counts.failed or self._refusals.count else OK

    def _send(self, frame: Sendable) -> None:
        try:
            self._sender.send(frame.value, frame.content_type, frame.name)
        except FrameTooLarge as error:
            self._refusals.note(frame.name, error)
        except BrokenPipeError:
            raise  # of stdout: a ConnectionError to Python, but Kafka is well
        except (ConnectionError, RetryLater) as error:
            self._stop(frame.name, error)

    def _due(self) -> Iterator[Sendable]:
        """The frames, each when its turn has come."""
        limits = self._asked
        started_s = due_s = time.monotonic()
        end_s = started_s + (limits.duration or float("inf"))
        for frame in self._frames():
            while not self._stopped and (left_s := min(due_s, end_s) - time.monotonic()) > 0:
                self._sender.wait(min(left_s, _WAIT_S))
            if self._stopped or time.monotonic() >= end_s:
                return
            yield frame
            if self._sender.counts.sent == limits.count:
                return
            if limits.fps:
                due_s = max(due_s + 1 / limits.fps, time.monotonic() - _BEHIND_S_MAX)

    def _frames(self) -> Iterator[Sendable]:
        """All frames of all files, again and again with --loop. A file that was refused whole does not come again."""
        while self._files:
            for path in list(self._files):
                try:
                    yield from frames_of(path, self._refusals.bytes_max)
                except REFUSALS as error:
                    self._refusals.note(str(path), error)
                    if not isinstance(error, Incomplete):
                        self._files.remove(path)
            if not self._asked.loop:
                return

    def _report(self, sent: SentFrame, delivery: Delivery) -> None:
        match delivery:
            case Origin(topic, partition, offset):
                self._last = sent
                if self._asked.json:
                    row = {
                        "request_id": sent.request_id,
                        "path": sent.name,
                        "topic": topic,
                        "partition": partition,
                        "offset": offset,
                        "bytes": sent.size_bytes,
                    }
                    say(json.dumps(row))
                    sys.stdout.flush()
            case error:
                self._stop(sent.name, error)

    def _stop(self, name: str, error: FrameTooLarge | ConnectionError | RetryLater) -> None:
        """A broker or store that does not take one frame does not take the next either: the first is named."""
        if not self._stopped:
            complain(f"{name}: {error}; nothing more is sent")
        self._stopped = True

    def _line(self, elapsed_s: float) -> str:
        """The counts, and the rates since the beginning."""
        counts = self._sender.counts
        return (
            f"{counts.sent} sent, {counts.confirmed} confirmed, {counts.failed} failed; {elapsed_s:,.1f} s, "
            f"{counts.confirmed / elapsed_s:,.1f} frames/s, {counts.confirmed_bytes / MIB / elapsed_s:,.1f} MiB/s"
        )

    def _hint(self) -> str:
        if self._last is None:
            return ""
        if self._sender.counts.sent == 1:
            return f"its answer: `sparring result {self._last.request_id}`\n"
        return f"the answers: `sparring results --pipeline {self._asked.pipeline}`\n"
