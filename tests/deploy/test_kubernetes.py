"""deploy/kubernetes: valid by the published schemas that kubernetes-validate brings, and of one mind with the code.

KEDA's ScaledObject is no part of Kubernetes and has no schema there: its required fields are checked here by hand.
Nor are kustomize and envsubst run here: the template is filled by Python's own `${NAME}`, which has the same form.
"""

from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # ships no annotations
import pytest
import yaml

from adapters.settings import Settings
from schemas.limits import PARTITIONS, STOP_S_MAX
from schemas.names import ModelKey
from schemas.topics import TopicNames
from tests.deploy.commands import SETTINGS, understood
from tests.deploy.files import FILLED_WITH, KUBERNETES, filled, manifests

ALL = manifests()
PORT = 9464
USER = 10001
CORE = [one for one in ALL if not one["apiVersion"].startswith("keda.sh/")]
PODS = {one["metadata"]["name"]: one["spec"]["template"] for one in ALL if one["kind"] in {"Deployment", "Job"}}
LASTING = {name: pod for name, pod in PODS.items() if name != "sparring-topics"}
(CONFIG,) = [one["data"] for one in ALL if one["kind"] == "ConfigMap"]
(SCALED,) = [one for one in ALL if one["kind"] == "ScaledObject"]


def label(one: dict[str, Any]) -> str:
    return f"{one['kind']}-{one['metadata']['name']}"


def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["spec"]["containers"]
    found: dict[str, Any] = only
    return found


@pytest.mark.parametrize("manifest", CORE, ids=label)
@pytest.mark.parametrize("version", ["1.29", kubernetes_validate.latest_version()])
def test_each_object_is_valid_by_the_published_schema(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_the_schema_would_notice_a_mistake() -> None:
    wrong = next(one for one in CORE if one["kind"] == "Deployment") | {"spec": {"replicass": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_the_kustomization_has_every_file_but_the_template_and_no_namespace() -> None:
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    assert set(kustomization["resources"]) == {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    assert {image["name"] for image in kustomization["images"]} == {"sparring"}
    assert [label(one) for one in ALL if "namespace" in one["metadata"]] == []


@pytest.mark.parametrize("name", PODS)
def test_each_command_is_one_that_the_code_understands_and_its_variables_are_settings(name: str) -> None:
    one = container(PODS[name])
    service = understood(one["args"])
    assert {variable["name"] for variable in one.get("env", [])} <= SETTINGS[service]
    assert one["envFrom"][0] == {"configMapRef": {"name": "sparring"}}


def test_the_settings_of_all_are_settings() -> None:
    assert set(CONFIG) <= SETTINGS["topics"]
    assert Settings.read(CONFIG).model_store == "s3://models/sparring"


@pytest.mark.parametrize("name", PODS)
def test_no_pod_is_root_or_may_write_or_gain_rights(name: str) -> None:
    spec, one = PODS[name]["spec"], container(PODS[name])
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == USER
    assert spec["automountServiceAccountToken"] is False
    assert one["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert one["resources"].keys() == {"requests", "limits"}


@pytest.mark.parametrize("name", LASTING)
def test_live_and_ready_are_asked_where_the_image_listens(name: str) -> None:
    pod, one = LASTING[name], container(LASTING[name])
    assert one["ports"] == [{"name": "metrics", "containerPort": PORT}]
    assert one["livenessProbe"]["httpGet"] == {"path": "/live", "port": "metrics"}
    assert one["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "metrics"}
    assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(PORT)


@pytest.mark.parametrize("name", LASTING)
def test_a_pod_has_time_to_drain_and_something_writable(name: str) -> None:
    assert LASTING[name]["spec"]["terminationGracePeriodSeconds"] > STOP_S_MAX
    assert container(LASTING[name])["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108  # the pod's


@pytest.mark.parametrize("manifest", [one for one in ALL if one["kind"] == "PodDisruptionBudget"], ids=label)
def test_a_disruption_budget_selects_the_pods_of_its_deployment(manifest: dict[str, Any]) -> None:
    pod = PODS[manifest["metadata"]["name"]]
    assert manifest["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


def test_the_scaled_object_has_what_keda_requires_and_scales_its_deployment() -> None:
    assert SCALED["apiVersion"] == "keda.sh/v1alpha1"
    assert SCALED["spec"]["scaleTargetRef"]["name"] in LASTING
    (trigger,) = SCALED["spec"]["triggers"]
    assert trigger["type"] == "kafka"
    assert trigger["metadata"]["bootstrapServersFromEnv"] in CONFIG
    # KEDA takes every value of a trigger as text.
    assert all(isinstance(value, str) for value in trigger["metadata"].values())
    assert (SCALED["spec"]["minReplicaCount"], SCALED["spec"]["maxReplicaCount"]) == (1, PARTITIONS)


def test_a_model_is_scaled_on_the_lag_of_the_topic_that_its_process_reads() -> None:
    metadata = SCALED["spec"]["triggers"][0]["metadata"]
    arguments = container(LASTING[SCALED["spec"]["scaleTargetRef"]["name"]])["args"]
    model = ModelKey.parse(arguments[arguments.index("--model") + 1])
    topic = TopicNames(CONFIG["SPARRING_NAMESPACE"]).work(model, "official")
    assert metadata["topic"] == metadata["consumerGroup"] == topic


def test_the_template_says_what_fills_it() -> None:
    template = (KUBERNETES / "model" / "model.yaml").read_text()
    head = template.partition("apiVersion")[0]
    assert [name for name in FILLED_WITH if name not in head] == []
    with pytest.raises(KeyError, match="OTHER"):
        filled(template + "${OTHER}")
