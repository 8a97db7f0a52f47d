"""The table of topics: limits grow downstream, retention is by time."""

from schemas.limits import FRAME_BYTES_MAX, HEADERS_BYTES_MAX
from schemas.topics import RECORD_BYTES_MAX, TopicNames, fixed_topics, work_topic
from tests.nouns import pinned

KEY = pinned("yolox", "v1", "lab").key


def test_what_one_hop_accepted_the_next_can_take() -> None:
    rows = {topic.name.removeprefix("s."): topic for topic in fixed_topics("s")}
    work, shadow = work_topic("s", KEY, "official"), work_topic("s", KEY, "shadow")
    assert rows["frames"].record_bytes_max > FRAME_BYTES_MAX
    assert rows["frames"].record_bytes_max + HEADERS_BYTES_MAX <= work.record_bytes_max
    assert work.record_bytes_max == shadow.record_bytes_max
    assert work.record_bytes_max + HEADERS_BYTES_MAX <= rows["deadletters"].record_bytes_max
    assert max(row.record_bytes_max for row in rows.values()) <= RECORD_BYTES_MAX


def test_work_is_kept_at_least_as_long_as_frames_and_nothing_goes_by_size() -> None:
    frames = fixed_topics("s")[0]
    assert work_topic("s", KEY, "official").retention_ms >= frames.retention_ms
    assert {topic.config()["retention.bytes"] for topic in fixed_topics("s")} == {"-1"}


def test_the_catalog_is_never_compacted_and_has_the_brokers_clock() -> None:
    catalog = next(topic for topic in fixed_topics("s") if topic.name == "s.catalog")
    assert (catalog.partitions, catalog.retention_ms, catalog.compacted) == (1, -1, False)
    assert catalog.config()["message.timestamp.type"] == "LogAppendTime"


def test_each_model_version_and_lane_has_a_topic_of_its_own() -> None:
    names = TopicNames("s")
    assert names.work(KEY, "official") == "s.work.lab.yolox.v1"
    assert names.work(KEY, "shadow") == "s.shadow.lab.yolox.v1"
