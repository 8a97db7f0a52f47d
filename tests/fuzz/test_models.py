"""Some random models and requests; `make fuzz` runs thousands."""

import pytest

from tests.fuzz.models import REQUESTS_PER_PATH, FuzzReport, fuzz_models

_PATHS = 400
_KINDS = ("a model", "a shared run", "a path of two")


@pytest.fixture(scope="module")
def report(seed: int) -> FuzzReport:
    return fuzz_models(seed, _PATHS)


def test_each_answer_is_what_onnx_runtime_gives_by_hand_or_an_error_and_what_fits_is_answered(
    report: FuzzReport,
) -> None:
    assert report.requests.total() == _PATHS * REQUESTS_PER_PATH
    assert not report.wrong, "\n\n".join(report.wrong[:5])


@pytest.mark.parametrize("kind", _KINDS)
def test_every_kind_has_requests_that_are_due_and_some_that_are_refused(report: FuzzReport, kind: str) -> None:
    assert report.requests[f"{kind}: ok, due"] > 50
    assert report.requests[f"{kind}: error"] > 50


def test_requests_share_runs(report: FuzzReport) -> None:
    assert report.shared > 20
