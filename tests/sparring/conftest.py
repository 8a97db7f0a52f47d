"""A namespace of its own for each file, and a client connected there."""

from collections.abc import Iterator

import pytest

from adapters.settings import Settings
from sparring import Client
from sparring.stack import LocalStack
from tests.sparring.sdk import fresh_settings


@pytest.fixture(scope="module")
def settings(request: pytest.FixtureRequest, broker: LocalStack) -> Settings:
    """The broker's addresses with the file's namespace: `cli-send` for cli/test_send.py."""
    name = request.module.__name__.removeprefix("tests.sparring.")
    return fresh_settings(broker, name.replace("test_", "").replace(".", "-"))


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    """A client of that namespace."""
    with Client(settings) as connected:
        yield connected
