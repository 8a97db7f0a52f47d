"""The pipeline that somebody names, where it must answer now. Pure."""

from schemas.catalog import Catalog
from schemas.errors import EntityNotFoundError
from schemas.names import PipelineName
from schemas.pipelines import PipelineVersion


def deployed(catalog: Catalog, name: PipelineName) -> PipelineVersion:
    """What answers now; EntityNotFoundError, naming those that are deployed, where the pipeline is not."""
    version = catalog.live(name)
    if version is not None:
        return version
    live = ", ".join(str(other) for other, pipeline in catalog.pipelines.items() if pipeline.live is not None)
    state = "is not deployed" if name in catalog.pipelines else "does not exist"
    advice = f"deployed are: {live}" if live else "none is deployed; pipeline.deploy() in Python does it"
    raise EntityNotFoundError(f"--pipeline: {name} {state}; {advice}")
