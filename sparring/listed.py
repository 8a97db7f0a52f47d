"""Workspaces, pipelines and models as `Client.list_*` and `Client.*_by_name` give them: handles, and the tutorial's
table of them."""

from schemas.models import ModelVersion as UploadedModel
from schemas.names import DEFAULT_WORKSPACE, PipelineName
from sparring.checks import printed
from sparring.display import Listing, Row
from sparring.model import ModelVersion
from sparring.pipeline import Pipeline, row_of
from sparring.system.connection import Connection
from sparring.workspace import Workspace


def listed_workspaces(connection: Connection) -> Listing[Workspace]:
    """All workspaces, the default one first."""
    catalog = connection.catalog()
    names = dict.fromkeys((DEFAULT_WORKSPACE, *catalog.workspaces))

    def row(name: str) -> Row:
        created = catalog.workspaces.get(name)
        return [
            ("name", name),
            ("created_at", "" if created is None else printed(created.created_at)),
            ("created_by", "" if created is None else created.created_by),
            ("models", str(len({model.name for model in catalog.models.values() if model.workspace == name}))),
            ("pipelines", str(sum(one.workspace == name for one in catalog.pipelines))),
        ]

    return Listing("workspaces", ((Workspace(connection, name), row(name)) for name in names))


def listed_pipelines(connection: Connection, workspace: str, name: str | None = None) -> Listing[Pipeline]:
    """The workspace's pipelines, oldest first; those of one `name`."""
    known = connection.catalog().pipelines
    found = [one for one in known if one.workspace == workspace and name in (None, one.name)]

    def row(one: PipelineName) -> Row:
        heading, *others = row_of(one.name, known[one], known[one].versions[known[one].latest].steps)
        return [heading, ("workspace_name", workspace), *others]

    return Listing("pipelines", ((Pipeline(connection, one), row(one)) for one in found))


def listed_models(connection: Connection, workspace: str) -> Listing[ModelVersion]:
    """The newest version of each of the workspace's models, oldest model first."""
    versions: dict[str, list[UploadedModel]] = {}
    for model in connection.catalog().models.values():
        if model.workspace == workspace:
            versions.setdefault(model.name, []).append(model)

    def row(name: str) -> Row:
        return [
            ("name", name),
            ("workspace_name", workspace),
            ("versions", str(len(versions[name]))),
            ("last_updated", printed(versions[name][-1].created_at)),
            ("created_at", printed(versions[name][0].created_at)),
        ]

    return Listing("models", ((ModelVersion(connection, versions[name][-1]), row(name)) for name in versions))


def listed_versions(connection: Connection, workspace: str, name: str) -> Listing[ModelVersion]:
    """All versions of one model, newest first."""
    found = reversed(connection.catalog().model_versions(workspace, name))

    def row(model: UploadedModel) -> Row:
        return [
            ("name", name),
            ("workspace_name", workspace),
            ("version", model.version),
            ("file_name", model.file_name),
            ("sha", model.sha256),
            ("framework", model.framework),
            ("created_at", printed(model.created_at)),
        ]

    return Listing("models", ((ModelVersion(connection, model), row(model)) for model in found))
