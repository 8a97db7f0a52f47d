"""Calls of the tutorial's SDK that `sparring` does not have, and what to call instead. Pure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

_COMPARE: Final = "sparring.compare compares two models on the same frames, Pipeline.logs() has what was answered"
_STORED: Final = "upload_model returns once the model is checked and stored, or raises why not"
_SEARCH_MODELS: Final = "list_models() and models_by_name(name)"
_DEPLOY: Final = "`sparring pipeline apply` takes pipelines to other systems: docs/pipeline-file.md"

CLIENT: Final[Mapping[str, str]] = {
    "search_pipelines": "list_pipelines() and pipelines_by_name(name)",
    "search_models": _SEARCH_MODELS,
    "search_model_versions": _SEARCH_MODELS,
    "model_by_name": "get_model(name, version)",
    "model_version_by_name": "get_model(name, version)",
    "list_deployments": "list_pipelines(), and Pipeline.status() of each",
    "get_logs": "Pipeline.logs()",
    "list_tags": "Pipeline.tags",
    "create_tag": "Pipeline.add_tag(tag)",
    "register_model_image": "upload_model(name, path)",
    "generate_upload_model_api_command": "upload_model(name, path)",
    "build_assay": _COMPARE,
    "list_assays": _COMPARE,
    "get_assay_info": _COMPARE,
    "get_assay_results": _COMPARE,
    "set_assay_active": _COMPARE,
    "list_publishes": _DEPLOY,
}
PIPELINE: Final[Mapping[str, str]] = {
    "id": "name(), and versions() for uuids",
    "url": "Client.frames(pipeline), or any Kafka client: docs/kafka.md",
    "async_infer": "parallel_infer(table), or Client.frames(pipeline)",
    "last_update_time": "history()",
    "variants": "versions()",
    "models": "steps()",
    "publish": _DEPLOY,
    "publishes": _DEPLOY,
    "add_key_split": "add_random_split(weighted, hash_key)",
    "replace_with_key_split": "replace_with_random_split(index, weighted, hash_key)",
    "add_multi_model_step": "add_shadow_deploy(champion, challengers)",
    "replace_with_multi_model_step": "replace_with_shadow_deploy(index, champion, challengers)",
    "add_validation": "add_validations(name=expression)",
}
MODEL: Final[Mapping[str, str]] = {
    "status": _STORED,
    "get_upload_logs": _STORED,
    "error_summary": _STORED,
    "id": "version()",
    "config": "pinned().configuration",
    "runtime": "framework()",
    "list_versions": "versions()",
}
WORKSPACE: Final[Mapping[str, str]] = {
    "list_models": "models()",
    "list_pipelines": "pipelines()",
}


class OtherNames:
    """A missing attribute that is a key of `_elsewhere` raises an AttributeError that names the call to use."""

    _elsewhere: ClassVar[Mapping[str, str]] = {}

    if not TYPE_CHECKING:  # type checkers must still report unknown names

        def __getattr__(self, name: str) -> Any:
            ours = self._elsewhere.get(name)
            hint = "" if ours is None else f"; here it is: {ours}"
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)
