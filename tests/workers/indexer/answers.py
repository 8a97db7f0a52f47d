"""Small answers: official ones, challengers', of one pipeline."""

from adapters.clock import now_ms
from schemas.results import Answer, Status, failure_value

SHOP = "default/shop"


def official(
    request_id: str,
    value: bytes = b"first",
    *,
    frame: int = 7,
    version: str = "pv1",
    parts: int = 0,
    pipeline: str = SHOP,
    published_at: int | None = None,
) -> Answer:
    return Answer(
        key=request_id.encode(),
        value=value,
        request_id=request_id,
        status="ok",
        pipeline=pipeline,
        frame=f"sparring.frames/2/{frame}",
        frame_digest="0" * 64,
        published_at=now_ms() if published_at is None else published_at,
        pipeline_version=version,
        role="champion",
        model="champ",
        model_version="v1",
        model_sha256="1" * 64,
        parts=parts,
    )


def challenger(
    request_id: str, name: str = "rival", value: bytes = b"rival", *, version: str = "pv1", status: Status = "ok"
) -> Answer:
    return Answer(
        key=request_id.encode(),
        value=value if status == "ok" else failure_value("Shed", "not delivered in time", "route"),
        request_id=request_id,
        status=status,
        pipeline=SHOP,
        frame="sparring.frames/2/7",
        frame_digest="0" * 64,
        published_at=now_ms(),
        pipeline_version=version,
        role="challenger",
        model=name,
        model_version="v2",
        model_sha256="2" * 64,
    )
