"""The ledger's account of a system that has come to rest."""

from adapters.clock import now_ms
from sparring import Client, Pipeline
from sparring.ledger.account import LedgerReport
from sparring.ledger.read import verify
from tests.waiting import eventually


def settled(client: Client, since: int, pipeline: Pipeline) -> LedgerReport:
    """Its report once it finds nothing: Redis comes after the topics. Fails, with its findings, after a minute."""
    reports: list[LedgerReport] = []

    def in_order() -> bool:
        connection, name = client._connection, pipeline._name  # noqa: SLF001 (what the command line opens)
        reports.append(verify(connection, since, now_ms(), name))
        return reports[-1].in_order

    try:
        eventually(in_order, 60, "everything to be accounted for")
    except AssertionError as error:
        error.add_note(str(reports[-1].findings[:5]))
        raise
    return reports[-1]
