"""A rush of half a second, ten times what the models work off. A minute of it: `python -m tests.chaos.backpressure`."""

import gc
from pathlib import Path

from sparring.stack import LocalStack
from tests.chaos.backpressure import STEP_S, press


def test_a_producer_ten_times_faster_than_its_models_loses_nothing_and_memory_stays_bounded(
    broker: LocalStack, tmp_path: Path
) -> None:
    done = press(tmp_path, seconds=0.4, quiet_s=1.0, on=broker)
    assert done.report.counts["frames"] == done.report.counts["answered ok"] == done.sent
    assert done.report.counts["records on shadows"] >= done.sent // 2
    assert done.too_large() == {}
    assert done.worst_s > 10 * STEP_S, "the rush was none"
    assert done.after_s < done.worst_s / 4, "what came after the rush still waited behind it"
    gc.collect()
