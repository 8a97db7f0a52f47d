"""How brokers are reached, in the words of three clients."""

import pytest

from adapters.brokers import Brokers
from adapters.settings import Settings
from schemas.errors import SettingError

SHOWN_NOWHERE = "s3cret"
LOGIN = Brokers("a:1,b:2", tls=True, ca="ca.pem", user="camera", password=SHOWN_NOWHERE)


def test_without_more_it_is_plain_text() -> None:
    plain = Brokers("a:1")
    assert plain.protocol == "PLAINTEXT"
    assert plain.librdkafka() == {"bootstrap.servers": "a:1", "security.protocol": "PLAINTEXT"}
    assert plain.kafka_python() == {"bootstrap_servers": ["a:1"], "security_protocol": "PLAINTEXT"}
    assert plain.ssl_context() is None


def test_a_login_over_tls_is_said_to_both_clients() -> None:
    assert LOGIN.librdkafka() == {
        "bootstrap.servers": "a:1,b:2",
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": "ca.pem",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "camera",
        "sasl.password": SHOWN_NOWHERE,
    }
    assert LOGIN.kafka_python() == {
        "bootstrap_servers": ["a:1", "b:2"],
        "security_protocol": "SASL_SSL",
        "ssl_cafile": "ca.pem",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "camera",
        "sasl_plain_password": SHOWN_NOWHERE,
    }


def test_no_password_is_shown() -> None:
    settings = Settings(
        kafka_user="camera",
        kafka_password=SHOWN_NOWHERE,
        redis=f"redis://:{SHOWN_NOWHERE}@index:6379/0",
        store=f"s3://key:{SHOWN_NOWHERE}@bucket/models",
        reference_store=f"s3://key:{SHOWN_NOWHERE}@bucket/frames",
        reference_roots=(f"s3://key:{SHOWN_NOWHERE}@bucket/frames",),
        traces=f"http://user:{SHOWN_NOWHERE}@collector:4318",
    )
    assert SHOWN_NOWHERE not in repr(settings) + repr(LOGIN) + str(LOGIN)


@pytest.mark.parametrize(
    "given",
    [
        {"SPARRING_KAFKA_USER": "router"},
        {"SPARRING_KAFKA_PASSWORD": "s3cret"},
        {"SPARRING_KAFKA_CA": "ca.pem"},
        {"SPARRING_KAFKA_TLS": "true", "SPARRING_KAFKA_KEY": "client.key"},
    ],
)
def test_half_a_login_is_named_before_anything_connects(given: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="SPARRING_KAFKA_") as refused:
        Settings.read(given)
    assert SHOWN_NOWHERE not in str(refused.value)
