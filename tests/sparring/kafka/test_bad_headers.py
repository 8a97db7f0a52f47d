"""A record with a header whose name is no text, or with too many headers, is read without them; names end where the
router's end. Pure."""

from typing import Any

import pytest
from kafka.record.default_records import DefaultRecordBatchBuilder

from schemas.frames import RawHeaders
from sparring.kafka.bad_headers import Records
from tests.raw_names import RawName

_GOOD: RawHeaders = [("camera", b"7"), ("ä", None), ("", b"")]
_CODECS = {"none": 0, "gzip": 1, "lz4": 3, "zstd": 4}


def _batch(codec: int, *headers: RawHeaders) -> bytes:
    builder: Any = DefaultRecordBatchBuilder(
        2, codec, is_transactional=False, producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=1_000_000
    )
    for offset, some in enumerate(headers):
        raw = [(RawName(name), value) for name, value in some]
        assert builder.append(offset, 1_000 + offset, b"key", b"value" * 100, raw) is not None
    return bytes(builder.build())


@pytest.mark.parametrize("codec", _CODECS.values(), ids=_CODECS)
@pytest.mark.parametrize(
    "bad",
    [
        [("x\udcff\udcfe", b"1")],
        [*_GOOD, ("\udc80", None)],
        [("\udcff" * 300, b"v" * 300), *_GOOD],
        [("", None)] * 100_001,
    ],
    ids=["one", "the last", "a long one", "too many"],
)
def test_it_alone_is_read_without_headers(codec: int, bad: RawHeaders) -> None:
    records = Records(_batch(codec, _GOOD, bad, _GOOD, bad) + _batch(codec, bad, _GOOD))
    read = []
    while (batch := records.next_batch()) is not None:
        assert batch.validate_crc()
        read += [(one.offset, one.key, one.value, one.headers) for one in batch]
    assert [(offset, headers) for offset, _, _, headers in read] == [
        *((0, _GOOD), (1, []), (2, _GOOD), (3, [])),
        *((0, []), (1, _GOOD)),
    ]
    assert {(key, value) for _, key, value, _ in read} == {(b"key", b"value" * 100)}


@pytest.mark.parametrize("codec", _CODECS.values(), ids=_CODECS)
@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ([("pipeline\0", b"1")], [("pipeline", b"1")]),
        ([("\0\udcff\udcfe", b"1"), *_GOOD], [("", b"1"), *_GOOD]),
        ([*_GOOD, ("ä\0\udcff\0x", None)], [*_GOOD, ("ä", None)]),
        ([("x\udcff\0y", b"1"), *_GOOD], []),
        ([("x\0y", b"1"), ("\udcff", b"1")], []),
    ],
)
def test_a_name_ends_at_its_first_zero_byte_as_the_router_reads_it(
    codec: int, sent: RawHeaders, read: RawHeaders
) -> None:
    records = Records(_batch(codec, _GOOD, sent, _GOOD))
    batch = records.next_batch()
    assert [one.headers for one in batch] == [_GOOD, read, _GOOD]
