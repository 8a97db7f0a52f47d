"""The live version of a pipeline that an option names. Pure."""

from schemas.catalog import Catalog
from schemas.errors import EntityNotFoundError
from schemas.names import PipelineName
from schemas.pipelines import PipelineVersion


def require_deployed(catalog: Catalog, name: PipelineName) -> PipelineVersion:
    """The live version; if there is none, the EntityNotFoundError lists the deployed pipelines."""
    version = catalog.live(name)
    if version is not None:
        return version
    live = ", ".join(str(other) for other, pipeline in catalog.pipelines.items() if pipeline.live is not None)
    state = "is not deployed" if name in catalog.pipelines else "does not exist"
    advice = f"deployed are: {live}" if live else "none is deployed; pipeline.deploy() in Python does it"
    raise EntityNotFoundError(f"--pipeline: {name} {state}; {advice}")
