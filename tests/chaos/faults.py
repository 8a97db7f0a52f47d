"""What breaks: one function per fault. Each returns when the fault is over; what it broke may still be recovering."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

import psutil
import pyarrow as pa
import redis

from schemas.limits import MIB, PRESENCE_DEAD_S, SESSION_TIMEOUT_MS
from schemas.tables.read import encode_table
from tests.chaos.arena import HOST_MEMORY_MIB_MAX, MISCHIEF, SHADOW, SPLIT, Arena
from tests.chaos.full import store_full
from tests.freezing import freeze, frozen
from tests.waiting import eventually

Fault = Callable[[Arena, Random], None]

FROZEN_S: Final = 20.0
AWAY_S: Final = 5.0
FORGOTTEN_S: Final = 2.0
"""How much of what Redis confirmed its disk may lack."""

HURRIED: Final = 600
"""Frames without a pause: a router is busy with them for some tenths of a second."""

UNHEARD_S: Final = (PRESENCE_DEAD_S + 0.5, SESSION_TIMEOUT_MS / 1000 * 3 / 4)
"""A member has not been heard of by Kafka for a quarter of its session when it falls silent."""

LEAKS: Final = 24
MODEL_PROCESSES: Final = 4


def _signalled(service: str, number: signal.Signals) -> Fault:
    """A service gets a signal; its supervisor starts it again."""

    def fault(arena: Arena, _rng: Random) -> None:
        pid = arena.stack.process(service)
        os.kill(pid, number)
        eventually(lambda: not runs(pid), 60, f"{service} to end")

    return fault


def _model_signalled(number: signal.Signals) -> Fault:
    def fault(arena: Arena, rng: Random) -> None:
        process = arena.model_process(rng)
        process.send_signal(number)
        eventually(lambda: not runs(process.pid), 60, "the model process to end")

    return fault


def _second(*module: str) -> Fault:
    """A second process of a service joins, works for a while and leaves."""

    def fault(arena: Arena, rng: Random) -> None:
        name = f"{module[-1]}-{rng.randrange(10**9)}"
        process = arena.stack.run(name, (sys.executable, "-P", "-m", *module))
        pause(4.0 + 3.0 * rng.random())
        process.end()

    return fault


def _frozen_service(service: str, for_s: float) -> Fault:
    def fault(arena: Arena, _rng: Random) -> None:
        with frozen(arena.stack.process(service)):
            pause(for_s)

    return fault


def redis_emptied(arena: Arena, _rng: Random) -> None:
    """Everything in Redis is gone; `sparring index rebuild` brings it back."""
    from sparring.operations.rebuild import rebuild  # noqa: PLC0415  # what this fault alone needs

    with redis.Redis.from_url(arena.stack.redis) as index:
        index.flushall()
    connection = arena.client._connection  # noqa: SLF001 (what the command line opens)
    rebuild(connection, 0, lambda _topic, _count: None)


def redis_and_indexer_killed(arena: Arena, _rng: Random) -> None:
    """As when a machine loses power: Redis has what its disk had, and who remembers the rest dies with it."""
    redis_pid, indexer_pid = arena.stack.process("valkey"), arena.stack.process("indexer")
    (written,) = (arena.stack.data / "valkey").rglob("*.incr.aof")
    on_disk = written.stat().st_size
    pause(FORGOTTEN_S)
    freeze(redis_pid)
    try:
        os.kill(indexer_pid, signal.SIGKILL)
        os.truncate(written, on_disk)
    finally:
        os.kill(redis_pid, signal.SIGKILL)
    eventually(lambda: not runs(redis_pid) and not runs(indexer_pid), 60, "Redis and the indexer to end")


def redis_full(arena: Arena, _rng: Random) -> None:
    """No memory left, and nothing may be evicted; later there is room again."""
    with redis.Redis.from_url(arena.stack.redis) as index:
        index.config_set("maxmemory-policy", "noeviction")
        index.config_set("maxmemory", "1")
        pause(AWAY_S)
        index.config_set("maxmemory", "0")


def _wrong_frame(value: bytes) -> Fault:
    """A frame that its model cannot bear, in the middle of good ones."""

    def fault(arena: Arena, _rng: Random) -> None:
        arena.send(MISCHIEF, value)

    return fault


def leak(arena: Arena, _rng: Random) -> None:
    """A model keeps 64 MiB of each frame: its host ends it in good order, and starts it again."""
    (leaky,) = (one for one in arena.model_processes() if str(arena.step.key()) in one.cmdline())
    for _ in range(LEAKS):
        arena.send(MISCHIEF, b'[{"tensor": [4, 0]}]')
    eventually(lambda: not runs(leaky.pid), 60, "the process that leaks to end")
    eventually(lambda: len(arena.model_processes()) == MODEL_PROCESSES, 60, "it to be started again")
    eventually(lambda: _held_mib(arena) < HOST_MEMORY_MIB_MAX, 60, "its memory to be free again")


def _held_mib(arena: Arena) -> float:
    return sum(one.memory_info().rss for one in arena.model_processes()) / MIB


def nan(arena: Arena, _rng: Random) -> None:
    """A model returns NaN and infinity: that is an answer."""
    for pipeline in (SPLIT, SHADOW, MISCHIEF):
        arena.send(pipeline, encode_table(pa.table({"tensor": [[float("nan"), float("inf")]]})))


def swap(arena: Arena, rng: Random) -> None:
    """The champion is replaced, and replaced back."""
    first, second = rng.sample(arena.models[:2], 2)
    arena.challenger = arena.models[2]
    arena.shadow.replace_with_shadow_deploy(0, first, [arena.challenger]).deploy()
    arena.shadow.replace_with_shadow_deploy(0, second, [arena.challenger]).deploy()


def swap_without_router(arena: Arena, rng: Random) -> None:
    """The router stands still in the middle of its work, and the models that it works for are swapped out: for so long
    that it counts as dead, and not so long that Kafka gives its frames to another."""
    arena.hurry(HURRIED)
    pause(0.1 * rng.random())
    with frozen(arena.stack.process("router")):
        arena.swap_out()
        pause(rng.uniform(*UNHEARD_S))


def swap_without_broker(arena: Arena, rng: Random) -> None:
    """Models are swapped out while a router is busy; at once, or when their successors are warm, the broker goes."""
    arena.hurry(HURRIED)
    arena.swap_out()
    pause(rng.choice((0.1, AWAY_S)) * rng.random())
    _signalled("kafka", rng.choice((signal.SIGTERM, signal.SIGKILL)))(arena, rng)


def weights(arena: Arena, rng: Random) -> None:
    """The split is weighted anew."""
    arena.split.replace_with_random_split(
        0, [(rng.randint(1, 9), model) for model in arena.models[:2]], hash_key="camera"
    ).deploy()


def rolling_restart(arena: Arena, rng: Random) -> None:
    """Every service ends in good order and starts again, one after the other."""
    for service in ("router", "host", "indexer"):
        _signalled(service, signal.SIGTERM)(arena, rng)
        back = partial(getattr, arena.stack.processes[service], "pid")
        eventually(back, 60, f"{service} to be back")
        pause(2.0)


FAULTS: Final[dict[str, Fault]] = {
    "router killed": _signalled("router", signal.SIGKILL),
    "router frozen for 20 s": _frozen_service("router", FROZEN_S),
    "router told to stop": _signalled("router", signal.SIGTERM),
    "host killed": _signalled("host", signal.SIGKILL),
    "host told to stop": _signalled("host", signal.SIGTERM),
    "model process killed": _model_signalled(signal.SIGKILL),
    "model process told to stop": _model_signalled(signal.SIGTERM),
    "model process crashes natively": _model_signalled(signal.SIGSEGV),
    "indexer killed": _signalled("indexer", signal.SIGKILL),
    "indexer told to stop": _signalled("indexer", signal.SIGTERM),
    "second router joins and leaves": _second("router"),
    "second host joins and leaves": _second("workers", "host"),
    "broker told to stop": _signalled("kafka", signal.SIGTERM),
    "broker killed": _signalled("kafka", signal.SIGKILL),
    "broker frozen for 20 s": _frozen_service("kafka", FROZEN_S),
    "Redis killed": _signalled("valkey", signal.SIGKILL),
    "Redis frozen for 20 s": _frozen_service("valkey", FROZEN_S),
    "Redis emptied, index rebuilt": redis_emptied,
    "Redis and indexer killed together": redis_and_indexer_killed,
    "Redis full": redis_full,
    "champion swapped twice": swap,
    "swap while the broker is stopped": swap_without_broker,
    "swap while the router is frozen": swap_without_router,
    "weights edited": weights,
    "rolling restart": rolling_restart,
    "a frame that kills its process": _wrong_frame(b'[{"tensor": [3, 0]}]'),
    "a frame on which its model hangs": _wrong_frame(b'[{"tensor": [2, 0]}]'),
    "a frame on which its step raises": _wrong_frame(b'[{"tensor": [1, 0]}]'),
    "a model that leaks": leak,
    "NaN and infinity": nan,
    "model store full": store_full,
}
"""Of a stack with one broker."""


def runs(pid: int) -> bool:
    """Whether this process has not ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pause(seconds: float) -> None:
    """How long a fault lasts: time itself is what is asked for here."""
    threading.Event().wait(seconds)
