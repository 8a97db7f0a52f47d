"""docs/settings.md and docs/metrics.md say what the code says: nothing is missing, nothing is left over."""

import dataclasses
import re
from pathlib import Path

import pytest

from adapters.monitor import LIVE_PATH, METRICS_PATH, READY_PATH, TARGETS_PATH
from adapters.settings import HostSettings, InferenceSettings, RouterSettings, Settings
from schemas.metrics import METRICS, Metric
from tests.docs.rows import metric_row

DOCS = Path(__file__).parents[2] / "docs"
SETTINGS, MONITORING = ((DOCS / name).read_text() for name in ("settings.md", "metrics.md"))
FIELDS = {
    f"SPARRING_{field.name.upper()}": field
    for settings in (Settings, RouterSettings, InferenceSettings, HostSettings)
    for field in dataclasses.fields(settings)
}


def shown(default: object) -> str:
    """A default as it is typed into the environment."""
    match default:
        case "" | ():
            return ""
        case bool():
            return f"`{str(default).lower()}`"
        case tuple():
            return f"`{','.join(default)}`"
        case _:
            return f"`{default}`"


@pytest.mark.parametrize("variable", FIELDS)
def test_every_setting_is_on_the_page_with_its_default(variable: str) -> None:
    row = re.search(rf"^\| `{variable}` \|(.*?)\|(.*)\|$", SETTINGS, re.MULTILINE)
    assert row, f"docs/settings.md has no row for {variable}"
    assert row[1].strip() == shown(FIELDS[variable].default)
    assert row[2].strip()


def test_the_page_has_no_setting_that_is_none() -> None:
    assert set(re.findall(r"^\| `(SPARRING_\w+)`", SETTINGS, re.MULTILINE)) - set(FIELDS) == {"SPARRING_DATA"}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_on_the_page_as_the_table_has_it(metric: Metric) -> None:
    assert metric_row(metric) in MONITORING.splitlines()


def test_the_page_has_no_metric_that_is_none() -> None:
    assert set(re.findall(r"^\| `(sparring_\w+)`", MONITORING, re.MULTILINE)) == {metric.name for metric in METRICS}


@pytest.mark.parametrize("page", [METRICS_PATH, LIVE_PATH, READY_PATH, TARGETS_PATH])
def test_every_page_of_the_monitor_is_described(page: str) -> None:
    assert f"| `{page}` |" in MONITORING


def test_every_span_is_described() -> None:
    for name in ("route", "answer", "queue", "decode", "infer", "publish", "batch"):
        assert f"| `{name}` |" in MONITORING
