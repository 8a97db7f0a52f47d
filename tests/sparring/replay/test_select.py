"""Which requests are meant by what was answered; which arms another weighting moves."""

from typing import Any

import numpy as np
import pytest

from schemas.results import Answer
from sparring.replay.select import AnswerFilter
from tests.sparring.replay.made import answer, failed


def found(*confidences: float) -> Answer:
    return answer(outputs={"confidences": [np.array(confidences, np.float32)]})


def flagged(count: int) -> Answer:
    return answer(outputs={"y": [np.zeros(1, np.float32)], "anomaly.count": [np.array([count], np.int64)]})


@pytest.mark.parametrize(
    ("wanted", "given", "taken"),
    [
        ({}, answer(), True),
        ({"ids": frozenset({"r1"})}, answer("r1"), True),
        ({"ids": frozenset({"r1"})}, answer("r2"), False),
        ({"model": "m"}, answer(), True),
        ({"model": "m@1"}, answer(), True),
        ({"model": "m@2"}, answer(), False),
        ({"status": "error"}, failed(), True),
        ({"status": "error"}, answer(), False),
        ({"confidence_below": 0.4}, found(0.1, 0.39), True),
        ({"confidence_below": 0.4}, found(0.1, 0.4), False),
        ({"confidence_below": 0.4}, found(), True),
        ({"confidence_below": 0.4}, answer(outputs={"confidences": [np.array(["sure"])]}), False),
        ({"confidence_below": 0.4}, answer(), False),
        ({"confidence_below": 0.4}, failed(), False),
        ({"anomalous": True}, flagged(1), True),
        ({"anomalous": True}, flagged(0), False),
        ({"anomalous": True}, answer(), False),
        ({"anomalous": True}, answer(value=b"no arrow"), False),
        ({"model": "m", "confidence_below": 0.4}, found(0.1), True),
        ({"model": "other", "confidence_below": 0.4}, found(0.1), False),
    ],
)
def test_a_request_is_meant_where_all_that_is_given_holds(wanted: dict[str, Any], given: Answer, taken: bool) -> None:
    assert AnswerFilter(**wanted).takes(given) is taken
