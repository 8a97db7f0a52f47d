"""The URL of Redis: what it must be, and that no message shows what it hides."""

import contextlib

import pytest

from adapters.redis import AnswerIndex
from adapters.redis_url import shown_url
from adapters.settings import Settings
from schemas.errors import RetryLater, SettingError

NOBODY = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://index:6379/0", "redis://index:6379/0"),
        ("redis://index", "redis://index"),
        ("rediss://reader:s3cret@index:6380/2?ssl_ca_certs=/etc/ca.pem", "rediss://index:6380/2"),
        ("redis://:s%2F3cret@[::1]:6379", "redis://[::1]:6379"),
        ("redis://index:6379/0?username=reader&password=s3cret", "redis://index:6379/0"),
        ("unix://reader:s3cret@/run/valkey.sock?db=1", "unix:///run/valkey.sock"),
    ],
)
def test_it_is_shown_without_users_and_options(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "redis://reader:s3cret/more@index:6379/0",
        "redis://reader:s3cret?more@index:6379/0",
        "redis://reader:s3cret#more@index:6379/0",
        "redis://reader:12/s3cret@index:6379/0",
        "redis://reader:12#s3cret",
        "redis://index:s3cret/0",
        "redis://index:6379/s3cret",
        "s3cret",
        "http://:s3cret@index",
        "redis://[s3cret",
    ],
)
def test_what_is_none_is_a_bad_setting_that_does_not_quote_it(url: str) -> None:
    with pytest.raises(SettingError, match=r"^SPARRING_REDIS: .*expected redis") as refused:
        Settings.read({"SPARRING_REDIS": url})
    assert "s3cret" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__cause__ is None


@pytest.mark.parametrize("option", ["ssl_cert_reqs=none", "ssl_cert_reqs=optional", "ssl_check_hostname=false"])
def test_no_option_lets_a_certificate_go_unchecked(option: str) -> None:
    with pytest.raises(SettingError, match="certificates and their names are always checked"):
        Settings.read({"SPARRING_REDIS": f"rediss://index:6380/0?{option}"})


def test_a_redis_that_is_away_is_named_without_its_password() -> None:
    for url in (f"redis://reader:s3cret@{NOBODY}/0", f"redis://{NOBODY}/0?username=reader&password=s3cret"):
        with contextlib.closing(AnswerIndex(url, "n")) as index:
            with pytest.raises(RetryLater, match=f"Redis at redis://{NOBODY}/0: ") as away:
                index.mark("anyone")
            assert "s3cret" not in str(away.value)
