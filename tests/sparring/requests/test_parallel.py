"""`parallel_infer` when a sub-batch fails: nothing more is sent."""

import threading

import pyarrow as pa
import pytest

from schemas.errors import InferenceTimeoutError
from sparring.requests.parallel import parallel_infer

RETRIES = 1000


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_when_one_has_failed_for_good_or_by_ctrl_c_the_others_are_not_sent_again(failure: type[BaseException]) -> None:
    sent = dict.fromkeys((0, 10, 20, 30), 0)
    together = threading.Barrier(len(sent))

    def ask(rows: pa.Table) -> pa.Table:
        first = rows["n"][0].as_py()
        sent[first] += 1
        if sent[first] == 1:
            together.wait(60)
        if first == 0:
            raise failure("gone")
        threading.Event().wait(0.05)
        raise InferenceTimeoutError("no answer in time")

    table = pa.table({"n": range(40)})
    with pytest.raises(failure, match="gone"):
        parallel_infer(table, ask, lambda _: None, batch_rows=10, num_parallel=4, retries=RETRIES, progress=False)
    assert sent.pop(0) == 1
    assert all(times < RETRIES for times in sent.values()), sent
