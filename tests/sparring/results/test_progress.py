"""What a commit may say: never past a result that was read and not handed out."""

from hypothesis import given
from hypothesis import strategies as st

from sparring.results.window import ReadProgress, Seen
from tests.sparring.results.made import challenger, result


def test_reading_goes_on_at_the_oldest_that_is_held_else_behind_what_was_read() -> None:
    progress = ReadProgress()
    made = [result(str(offset), offset=offset) for offset in (3, 4, 7)]
    for one in made:
        progress.read(one)
    assert progress.offsets() == {("results", 0): 3}
    progress.done(made[1])
    assert progress.offsets() == {("results", 0): 3}
    progress.done(made[0])
    assert progress.offsets() == {("results", 0): 7}
    progress.done(made[2])
    assert progress.offsets() == {("results", 0): 8}
    progress.passed("results", 0, 9)
    assert progress.offsets() == {("results", 0): 10}
    assert progress.held_bytes == 0


@given(st.permutations(range(8)), st.integers(0, 8))
def test_no_commit_passes_a_result_that_is_held(order: list[int], handed_out: int) -> None:
    progress = ReadProgress()
    made = [result(offset=offset) for offset in range(8)]
    for one in made:
        progress.read(one)
    for at in order[:handed_out]:
        progress.done(made[at])
    held = order[handed_out:]
    assert progress.offsets()["results", 0] == min(held, default=8)
    assert sorted(one.offset for one in progress.held()) == sorted(held)


def test_a_request_is_new_once_and_each_challenger_of_a_version_is() -> None:
    seen = Seen()
    assert seen.is_new(result())
    assert not seen.is_new(result(model="other arm of the split"))
    assert seen.is_new(result(pipeline="default/other"))
    assert [seen.is_new(challenger(model=model)) for model in ("a", "b", "a")] == [True, True, False]
    assert seen.is_new(challenger(model="a", pipeline_version="next"))
    seen.forget(result())
    assert seen.is_new(result())


def test_what_is_remembered_is_bounded() -> None:
    seen = Seen(most=2)
    assert [seen.is_new(result(name)) for name in "abcba"] == [True, True, True, False, True]
