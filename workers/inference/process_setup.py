"""What a model process sets for itself when it starts: malloc's thresholds, its priority, its end with its parent.

`benchmarks/` uses the same settings, so that its bare worker is measured as a model process runs.
"""

import ctypes
import os
import sys
import threading
from typing import Final

from adapters.settings import InferenceSettings
from schemas.names import Lane

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_THRESHOLD_BYTES: Final = 256 * 1024 * 1024


def set_up_process(settings: InferenceSettings, lane: Lane, stopping: threading.Event) -> None:
    """Keep decode buffers; lower the priority of a challenger's process; stop with the host that started this one."""
    keep_buffers()
    if lane == "shadow":
        os.nice(settings.shadow_niceness)
    if settings.parent_pipe:
        end_with_parent(stopping)


def keep_buffers() -> None:
    """Raise malloc's thresholds where the C library is glibc. This saves 4 ms of page faults per frame.

    By default glibc returns decode buffers to the kernel after every frame and faults their pages in again.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        libc.mallopt(_M_TRIM_THRESHOLD, _THRESHOLD_BYTES)
        libc.mallopt(_M_MMAP_THRESHOLD, _THRESHOLD_BYTES)


def end_with_parent(stopping: threading.Event) -> None:
    """Set `stopping` when standard input closes: its other end belongs to the process that started this one."""

    def wait() -> None:
        # Not sys.stdin.buffer: when the interpreter exits, it needs the lock that the reader holds.
        while os.read(sys.stdin.fileno(), 4096):
            continue
        stopping.set()

    threading.Thread(target=wait, name="parent", daemon=True).start()
