"""A rush of some seconds to models that hardly work. The minute: `make chaos ARGS="--only backpressure"`."""

import gc
from pathlib import Path

from schemas.limits import KIB, MIB
from sparring.stack import LocalStack
from tests.chaos.backpressure import GROWTH_MIB_MAX, STEP_S, press

FRAME_KIB = 2048
RUSH_S = 1.7


def test_a_producer_ten_times_faster_than_its_models_loses_nothing_and_memory_stays_bounded(
    broker: LocalStack, tmp_path: Path
) -> None:
    done = press(tmp_path, RUSH_S, quiet_s=1.0, frame_kib=FRAME_KIB, held=True, on=broker)
    assert done.failures() == []
    assert done.report.counts["records on shadows"] >= done.sent
    rushed_mib = done.rushed * FRAME_KIB * KIB / MIB
    assert rushed_mib > 1.4 * GROWTH_MIB_MAX["model"], "a model process without bounds would not be found out"
    assert done.worst_s > 10 * STEP_S, "the rush was none"
    gc.collect()
