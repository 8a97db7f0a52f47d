"""Which dead letters are sent again. Pure."""

from sparring.deadletters import REPLAY_OF, DeadLetter, once_each


def letter(place: int, frame: int, request_id: str, replay_of: str | None = None) -> DeadLetter:
    headers: list[tuple[str, bytes | None]] = [] if replay_of is None else [(REPLAY_OF, replay_of.encode())]
    return DeadLetter(
        place=f"deadletters/0/{place}",
        at=place,
        request_id=request_id,
        pipeline="shop",
        error="StepFailed",
        message="",
        stage="infer",
        attempts="1",
        frame=f"frames/0/{frame}",
        key=None,
        value=b"",
        headers=headers,
    )


def test_a_frame_with_two_letters_is_sent_once() -> None:
    assert once_each([letter(0, 7, "a"), letter(1, 7, "a"), letter(2, 8, "b")]) == {
        "deadletters/0/1",
        "deadletters/0/2",
    }


def test_of_a_frame_that_was_sent_again_and_refused_again_only_the_newest_letter_counts() -> None:
    chain = [letter(0, 7, "a"), letter(1, 8, "b", replay_of="a"), letter(2, 9, "c", replay_of="b")]
    assert once_each(chain) == {"deadletters/0/2"}
