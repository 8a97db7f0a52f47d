"""Alive means: a beat seen lately, by the reader's own clock."""

from schemas.limits import PRESENCE_DEAD_S
from schemas.presence import Beat, Failed, Living, Warm, decode_beat, encode_beat

BEAT = Beat(
    process="inference-host-1",
    kind="inference",
    host="host",
    pid=7,
    started_at=0,
    catalog_offset=4,
    memory_bytes=1,
    model="default/m@v",
    lane="official",
    warm=(Warm("default/shop", "pv"),),
    failed=(Failed("default/shop", "pw", "default/m@v", "official", "no model"),),
)


def alive(living: Living, now_s: float) -> list[str]:
    return [beat.process for beat in living.alive(now_s)]


def test_a_beat_survives_its_bytes() -> None:
    assert decode_beat(encode_beat(BEAT)) == BEAT


def test_a_beat_of_a_process_that_knows_no_failures_says_that_nothing_failed() -> None:
    known = encode_beat(BEAT)
    older = known[: known.index(b',"failed":')] + b"}"
    assert decode_beat(older).failed == ()
    assert decode_beat(older).warm == BEAT.warm


def test_a_process_is_alive_until_its_last_beat_is_too_long_ago() -> None:
    living = Living()
    living.note(BEAT.process, BEAT, now_s=100.0)
    assert alive(living, 100.0 + PRESENCE_DEAD_S) == [BEAT.process]
    assert alive(living, 100.1 + PRESENCE_DEAD_S) == []


def test_an_old_beat_read_while_catching_up_is_as_old_as_it_says() -> None:
    living = Living()
    living.note(BEAT.process, BEAT, now_s=100.0, age_s=3600.0)
    assert alive(living, 100.0) == []


def test_a_writer_whose_clock_is_ahead_is_not_younger_than_now() -> None:
    living = Living()
    living.note(BEAT.process, BEAT, now_s=100.0, age_s=-3600.0)
    assert alive(living, 100.1 + PRESENCE_DEAD_S) == []


def test_a_process_that_left_is_gone_at_once() -> None:
    living = Living()
    living.note(BEAT.process, BEAT, now_s=100.0)
    living.note(BEAT.process, None, now_s=100.0)
    assert alive(living, 100.0) == []
