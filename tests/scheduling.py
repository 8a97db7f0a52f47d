"""Which tests run in one test process, and which of them begin first: a plugin of pytest for pytest-xdist.

The tests of a file run in one process: they share what its fixtures build. There are two exceptions. A file whose tests
each start a system of their own runs wherever a process is free. The files that freeze or count what the run's broker
has use `own_broker`, and run in one process, so that one such broker is enough.
"""

from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

SPLIT: Final = frozenset({"tests/chaos/test_broken_builds.py"})
"""Files whose tests share nothing."""

OWN_BROKER: Final = frozenset(
    {
        "tests/sparring/kafka/test_group.py",
        "tests/sparring/kafka/test_source.py",
        "tests/sparring/producer/test_frames.py",
        "tests/sparring/requests/test_infer.py",
        "tests/sparring/results/test_answers.py",
    }
)
"""Files that use `own_broker`."""


def scope(nodeid: str) -> str:
    """What a test shares its test process with: all tests of the same scope."""
    file = nodeid.partition("::")[0]
    if file in SPLIT:
        return nodeid
    return "own broker" if file in OWN_BROKER else file


class Scopes(LoadScopeScheduling):  # type: ignore[misc]  # it ships no annotations
    """Gives a free process the next scope, in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scopes:
    """The scheduler of `make test`, whatever --dist is."""
    return Scopes(config, log)
