"""What stands on a frame beside its value, checked before anything is sent."""

import pytest

from sparring.frames.labels import Labels


def test_a_key_of_text_travels_as_utf_8_and_bytes_as_they_are() -> None:
    assert Labels.checked("Tür-7", None, None).key == "Tür-7".encode()
    assert Labels.checked(b"\xff", None, None).key == b"\xff"
    assert Labels.checked(None, None, None) == Labels(None, {}, None, None)


@pytest.mark.parametrize("request_id", ["a", "own-1", "A.b_c:d-9", "x" * 128])
def test_a_request_id_that_the_system_keeps_is_taken(request_id: str) -> None:
    assert Labels.checked(None, None, None, request_id).request_id == request_id


@pytest.mark.parametrize("request_id", ["", "own 1", "a/b", "x" * 129, "ü"])
def test_a_request_id_that_the_system_would_replace_is_refused(request_id: str) -> None:
    with pytest.raises(ValueError, match=r"^request_id: .*; expected 1 to 128 letters, digits, or some of"):
        Labels.checked(None, None, None, request_id)


def test_headers_of_a_users_own_are_taken_and_a_later_change_of_theirs_changes_no_frame() -> None:
    headers = {"shop": "12"}
    labels = Labels.checked(None, headers, 500)
    headers["shop"] = "13"
    assert labels.headers == {"shop": "12"}
