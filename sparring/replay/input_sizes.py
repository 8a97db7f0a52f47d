"""The size of the model's input in whose pixels an answer's boxes are."""

from schemas.errors import Refused
from schemas.models import PinnedModel
from schemas.names import PipelineName
from schemas.pictures.inputs import boxes_are_on_the_picture, picture_input
from schemas.results import Answer
from sparring.dataset.rows import Size
from sparring.operations.lookup import path_of
from sparring.system.connection import Connection


class InputSizes:
    """Asked for each answer; looked up once for each pipeline version and model, in the first catalog that has it: what
    was recorded is in another one than a candidate."""

    def __init__(self, *connections: Connection) -> None:
        self._connections = connections
        self._known: dict[tuple[str | None, ...], Size | None] = {}

    def __call__(self, answer: Answer) -> Size | None:
        """The size; None where the path's first model takes no pictures of one size."""
        which = (answer.pipeline, answer.pipeline_version, answer.role, answer.model, answer.model_version)
        if which not in self._known:
            self._known[which] = self._looked_up(answer)
        return self._known[which]

    def _looked_up(self, answer: Answer) -> Size | None:
        if answer.pipeline_version is None:
            return None
        name = PipelineName.parse(answer.pipeline)
        for connection in self._connections:
            version = connection.catalog().version(name, answer.pipeline_version)
            if version is not None:
                path = path_of(version, answer)
                return input_size(path[0]) if path else None
        return None


def input_size(model: PinnedModel) -> Size | None:
    """The size of a model's input; None where it takes no pictures, or of any size, or its boxes are in pixels of the
    picture. Pure."""
    settings = model.configuration.image
    try:
        takes = picture_input(model.inputs, settings)
    except Refused:
        return None
    if takes.width is None or takes.height is None or boxes_are_on_the_picture(settings):
        return None
    lies = (settings.aspect, settings.place, settings.rounding, settings.resize_shorter)
    return Size(takes.width, takes.height, *lies)
