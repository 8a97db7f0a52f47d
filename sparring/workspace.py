"""A workspace, where models and pipelines have their names; and the lists of workspaces, pipelines and models.

A list shows itself as the tutorial's table: `Client.list_*` and `Client.*_by_name` return it.
"""

from schemas.catalog import WorkspaceCreated
from schemas.models import ModelVersion as UploadedModel
from schemas.names import DEFAULT_WORKSPACE, PipelineName
from sparring.checks import moment, printed
from sparring.display import Listing, Row
from sparring.model import ModelVersion
from sparring.other_names import WORKSPACE, OtherNames
from sparring.pipeline import Pipeline, row_of
from sparring.system.connection import Connection


class Workspace(OtherNames):
    """One workspace. Made by `Client.create_workspace`; the default one always exists."""

    _elsewhere = WORKSPACE

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def name(self) -> str:
        """The workspace's name."""
        return self._name

    def id(self) -> str:
        """The workspace's uuid; of the default one its name."""
        created = self._created()
        return self._name if created is None else created.id

    def models(self) -> list[ModelVersion]:
        """The newest version of each model; its `versions()` has the others."""
        newest = {
            model.name: model for model in self._connection.catalog().models.values() if model.workspace == self._name
        }
        return [ModelVersion(self._connection, model) for model in newest.values()]

    def pipelines(self) -> list[Pipeline]:
        """The pipelines, oldest first; each holds the steps of its latest version."""
        names = [name for name in self._connection.catalog().pipelines if name.workspace == self._name]
        return [Pipeline(self._connection, name) for name in names]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Workspace) and other._name == self._name

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        created = self._created()
        return str(
            {
                "name": self._name,
                "id": self.id(),
                "archived": False,
                "created_by": "" if created is None else created.created_by,
                "created_at": None if created is None else moment(created.created_at),
                "models": self._model_rows(),
                "pipelines": [
                    {"name": one.name(), "create_time": one.create_time(), "definition": str(one.steps())}
                    for one in self.pipelines()
                ],
            }
        )

    def _created(self) -> WorkspaceCreated | None:
        return self._connection.follower.catalog.workspaces.get(self._name)

    def _model_rows(self) -> list[dict[str, object]]:
        rows: dict[str, list[UploadedModel]] = {}
        for model in self._connection.catalog().models.values():
            if model.workspace == self._name:
                rows.setdefault(model.name, []).append(model)
        return [
            {
                "name": name,
                "versions": len(versions),
                "owner_id": "",
                "last_update_time": moment(versions[-1].created_at),
                "created_at": moment(versions[0].created_at),
            }
            for name, versions in rows.items()
        ]


def exists(connection: Connection, name: str) -> bool:
    """Whether the workspace exists."""
    return name == DEFAULT_WORKSPACE or connection.catalog().has_workspace(name)


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
    names = [full for full in known if full.workspace == workspace and name in (None, full.name)]

    def row(full: PipelineName) -> Row:
        pipeline = known[full]
        heading, *others = row_of(full.name, pipeline, pipeline.versions[pipeline.latest].steps)
        return [heading, ("workspace_name", workspace), *others]

    return Listing("pipelines", ((Pipeline(connection, full), row(full)) for full in names))


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
