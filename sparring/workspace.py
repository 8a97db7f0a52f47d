"""A workspace: where models and pipelines have their names."""

from typing import TYPE_CHECKING

from schemas.catalog import WorkspaceCreated
from schemas.names import DEFAULT_WORKSPACE
from sparring.checks import moment
from sparring.model import ModelVersion
from sparring.other_names import WORKSPACE, OtherNames
from sparring.pipeline import Pipeline
from sparring.system.connection import Connection

if TYPE_CHECKING:
    from schemas.models import ModelVersion as UploadedModel


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
