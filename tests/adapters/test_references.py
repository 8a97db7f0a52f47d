"""References: below the configured roots only, by their text and on the disk; bounded; read as they were meant."""

import contextlib
import hashlib
import os
import socket
import string
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.storage.reference_store import ReferenceStore
from adapters.storage.references import References
from adapters.storage.roots import Root, below, shown
from schemas.errors import Refused, RetryLater, SettingError
from schemas.frames import Reference
from schemas.limits import REFERENCE_BYTES_MAX
from tests.bucket import buckets

ROOTS = tuple(Root.parse(root, "ROOTS") for root in ("/srv/frames", "s3://frames/shop?region=x", "gs://key@other"))


def refusal(read: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as refused:
        read()
    assert refused.value.stage == "read"
    return refused.value


# --- what lies below a root, by its text -------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("file:///srv/frames/a.jpg", ("a.jpg",)),
        ("file:///srv/frames/a/b/c", ("a", "b", "c")),
        ("file:///srv/frames/%C3%A4%20b", ("ä b",)),
        ("file:///srv/%66rames/...", ("...",)),
        ("file:///srv/frames/a@b:c,d", ("a@b:c,d",)),
        ("s3://frames/shop/a", ("a",)),
        ("gs://other/a/b", ("a", "b")),
    ],
)
def test_what_lies_below_a_root_is_found_by_its_path_from_there(uri: str, parts: tuple[str, ...]) -> None:
    root, found = below(uri, ROOTS)
    assert found == parts
    assert root in ROOTS


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc/passwd",
        "file:///srv/frames",
        "file:///srv/frames/",
        "file:///srv/framesX/a",
        "file:///srv/frames/../a",
        "file:///srv/frames/a/../../b",
        "file:///srv/frames/./a",
        "file:///srv/frames//etc/passwd",
        "file:///srv/frames/%2e%2e/a",
        "file:///srv/frames/%2E./a",
        "file:///srv/frames/..%2fa",
        "file:///srv/frames%2f..%2f..%2fetc/passwd",
        "file:///srv/frames/%252e%252e/a",
        "file:///srv/frames/%25252e%25252e/a",
        "file:///srv/frames/..%5ca",
        "file:///srv/frames/..\\a",
        "file:///srv/frames/a%00.jpg",
        "file:///srv/frames/a\nb",
        "file:///srv/frames/a b",
        "file:///srv/frames/ä",
        "file:///srv/frames/%ff",
        "file://localhost/srv/frames/a",
        "file://evil/srv/frames/a",
        "file://user@/srv/frames/a",
        "file:/srv/frames/a",
        "FILE:///srv/frames/a",
        "/srv/frames/a",
        "srv/frames/a",
        "http://srv/frames/a",
        "s3://evil/shop/a",
        "s3://frames/a",
        "s3://frames.evil/shop/a",
        "s3://frames:80/shop/a",
        "s3://key:secret@frames/shop/a",
        "s3://frames@evil/shop/a",
        "s3://frames/shop/a?endpoint_override=evil:9000",
        "s3://frames/shop/a?",
        "s3://frames/shop/a#b",
        "gs://other",
        "gs://other/",
        "gs://key@other/a",
        "mock:///srv/frames/a",
        "",
    ],
)
def test_what_does_not_lie_below_a_root_is_not_allowed(uri: str) -> None:
    refused = refusal(lambda: below(uri, ROOTS))
    assert refused.error == "ReferenceNotAllowed"
    assert "secret" not in refused.message


_ALPHABET = st.sampled_from(
    ["/", "..", ".", "%2e", "%2F", "%25", "%5c", "\\", "a", "file://", "@", "?", "#", "\x00", " "]
)


@given(st.lists(_ALPHABET | st.sampled_from(string.printable), max_size=12).map("".join))
def test_no_text_leads_out_of_a_root(text: str) -> None:
    with contextlib.suppress(Refused):
        root, parts = below(f"file:///srv/frames/{text}", ROOTS)
        assert os.path.normpath("/".join(("/srv/frames", *parts))) == "/".join(("/srv/frames", *parts))
        assert root is ROOTS[0]


@pytest.mark.parametrize(
    "root", ["/", "file:///", "file://host/a", "file:///a/../b", "s3://", "nothing://k:secret@a", "s3://b?x=1"]
)
def test_a_root_that_is_none_is_an_error_of_the_setting(root: str) -> None:
    with pytest.raises(SettingError, match=r"^SPARRING_REFERENCE_ROOTS: ") as error:
        References([root])
    assert "secret" not in str(error.value)


def test_a_relative_folder_is_a_root_and_secrets_of_a_root_are_never_shown() -> None:
    assert str(Root.parse("frames", "ROOTS")) == Path("frames").absolute().as_uri()
    secret = "s3://key:secret@frames/shop?secret=secret"  # noqa: S105
    root = Root.parse(secret, "ROOTS")
    assert "secret" not in f"{root} {root!r} {shown(secret)}"
    assert str(root) == "s3://frames/shop"


# --- what is read ------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "root" / "inside").mkdir(parents=True)
    (tmp_path / "root" / "a.bin").write_bytes(b"frame")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    return tmp_path


def reading(folder: Path, path: str, sha256: str | None = None) -> Callable[[], bytes]:
    return lambda: References([str(folder / "root")]).read(Reference(f"{(folder / 'root').as_uri()}/{path}", sha256))


def test_the_bytes_are_read_and_checked_against_their_sha256(folder: Path) -> None:
    assert reading(folder, "a.bin")() == b"frame"
    assert reading(folder, "a.bin", hashlib.sha256(b"frame").hexdigest())() == b"frame"
    refused = refusal(reading(folder, "a.bin", hashlib.sha256(b"other").hexdigest()))
    assert refused.error == "ReferenceChanged"
    assert hashlib.sha256(b"frame").hexdigest() in refused.message


def test_without_roots_every_reference_is_refused(folder: Path) -> None:
    refused = refusal(lambda: References([]).read(Reference((folder / "root" / "a.bin").as_uri())))
    assert refused.error == "ReferenceNotAllowed"
    assert "SPARRING_REFERENCE_ROOTS" in refused.message


def test_a_symbolic_link_is_followed_within_its_root_and_not_out_of_it(folder: Path) -> None:
    root = folder / "root"
    (root / "within").symlink_to("a.bin")
    (root / "around").symlink_to(root / "inside")
    (root / "inside" / "b").write_bytes(b"b")
    (root / "file").symlink_to(folder / "outside" / "secret")
    (root / "folder").symlink_to(folder / "outside")
    (root / "up").symlink_to("../outside/secret")
    (root / "loop").symlink_to("loop")
    assert reading(folder, "within")() == b"frame"
    assert reading(folder, "around/b")() == b"b"
    for outside in ("file", "folder/secret", "up", "loop"):
        refused = refusal(reading(folder, outside))
        assert (refused.error, "symbolic link" in refused.message) == ("ReferenceNotAllowed", True)


def test_a_root_may_itself_be_a_symbolic_link(folder: Path) -> None:
    (folder / "linked").symlink_to(folder / "root")
    assert References([str(folder / "linked")]).read(Reference((folder / "linked" / "a.bin").as_uri())) == b"frame"


def test_a_link_that_is_swapped_while_it_is_read_leads_nowhere(folder: Path, seed: int) -> None:
    """Somebody swaps a folder and a link that leads outside, as fast as they can."""
    root, stop = folder / "root", threading.Event()
    (root / "inside" / "secret").write_bytes(b"frame")
    (root / "evil").symlink_to(folder / "outside")

    def swap() -> None:
        while not stop.is_set():
            for one in ("inside", "evil"):
                (root / one).rename(root / "now")
                (root / "now").rename(root / one)

    swapping = threading.Thread(target=swap)
    swapping.start()
    came = set()
    try:
        for _ in range(300):
            with contextlib.suppress(Refused):
                came.add(reading(folder, "now/secret")())
    finally:
        stop.set()
        swapping.join()
    assert came <= {b"frame"}, seed


@pytest.mark.parametrize("path", ["absent", "absent/a", "a.bin/b", "inside", "pipe", "x" * 300])
def test_what_is_no_file_is_not_found_at_once(folder: Path, path: str) -> None:
    os.mkfifo(folder / "root" / "pipe")
    assert refusal(reading(folder, path)).error == "ReferenceNotFound"


def test_a_file_that_this_process_may_not_read_is_not_allowed(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (folder / "root" / "a.bin").chmod(0)
    assert refusal(reading(folder, "a.bin")).error == "ReferenceNotAllowed"


def test_a_root_that_is_not_there_now_is_asked_again_later(folder: Path) -> None:
    (folder / "root").rename(folder / "away")
    with pytest.raises(RetryLater, match=r"the root .* cannot be opened"):
        reading(folder, "a.bin")()
    (folder / "away").rename(folder / "root")
    assert reading(folder, "a.bin")() == b"frame"


def test_above_the_limit_it_is_too_large_before_a_byte_is_read(folder: Path) -> None:
    with (folder / "root" / "large").open("wb") as file:
        file.truncate(1024 * REFERENCE_BYTES_MAX)  # 256 GiB: reading it would be noticed
    refused = refusal(reading(folder, "large"))
    assert refused.error == "FrameTooLarge"
    assert f"expected at most {REFERENCE_BYTES_MAX}" in refused.message


def test_a_file_that_grows_while_it_is_read_is_no_frame() -> None:
    """Of /proc the size is 0, and bytes come all the same."""
    refused = refusal(lambda: References(["/proc/self"]).read(Reference("file:///proc/self/status")))
    assert refused.error in {"ReferenceChanged", "ReferenceNotAllowed"}  # self is a link


# --- what is stored ----------------------------------------------------------------------------


def test_what_is_stored_is_read_again_by_its_reference(folder: Path) -> None:
    store = str(folder / "root" / "a folder")
    reference = ReferenceStore(store).put(b"large")
    assert ReferenceStore(store).put(b"large") == reference
    assert reference.sha256 == hashlib.sha256(b"large").hexdigest()
    assert References([store]).read(reference) == b"large"
    assert [path.name for path in (folder / "root" / "a folder").rglob("*") if path.is_file()] == [reference.sha256]


def test_a_store_that_takes_nothing_is_named_and_keeps_nothing(folder: Path) -> None:
    with pytest.raises(RetryLater, match=r"a\.bin did not take 5 bytes: .*SPARRING_REFERENCE_STORE"):
        ReferenceStore(str(folder / "root" / "a.bin")).put(b"large")
    with pytest.raises(SettingError, match=r"^SPARRING_REFERENCE_STORE: "):
        ReferenceStore("/")


# --- a bucket ----------------------------------------------------------------------------------


def test_a_bucket_is_a_root() -> None:
    with buckets() as server:
        references = References([f"s3://key:secret@frames/shop?{server.options}"])
        server.objects |= {"/frames/shop/a": b"large", "/frames/shop/denied": b"secret", "/other/a": b"secret"}
        server.denied.add("/frames/shop/denied")
        assert references.read(Reference("s3://frames/shop/a", hashlib.sha256(b"large").hexdigest())) == b"large"
        assert refusal(lambda: references.read(Reference("s3://frames/shop/absent"))).error == "ReferenceNotFound"
        assert refusal(lambda: references.read(Reference("s3://frames/shop/denied"))).error == "ReferenceNotAllowed"
        assert refusal(lambda: references.read(Reference("s3://other/a"))).error == "ReferenceNotAllowed"


def test_what_does_not_come_in_time_is_tried_later() -> None:
    with buckets() as server:
        references = References([f"s3://key:secret@frames/shop?{server.options}"])
        server.objects |= {"/frames/shop/small": b"frame", "/frames/shop/large": bytes(9 * 1024 * 1024)}
        assert references.read(Reference("s3://frames/shop/small"), within_s=0) == b"frame"
        with pytest.raises(RetryLater, match="8388608 of 9437184 bytes came in time"):
            references.read(Reference("s3://frames/shop/large"), within_s=0)
        assert len(references.read(Reference("s3://frames/shop/large"))) == 9 * 1024 * 1024


def test_no_host_that_a_frame_names_is_ever_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        references = References(["/srv/frames"])
        for uri in (
            f"s3://frames/a?scheme=http&region=x&endpoint_override={host}",
            f"http://{host}/a",
            f"hdfs://{host}/a",
            f"file://{host}/srv/frames/a",
        ):
            assert refusal(lambda uri=uri: references.read(Reference(uri))).error == "ReferenceNotAllowed"  # type: ignore[misc]
        with pytest.raises(TimeoutError):
            listening.accept()
