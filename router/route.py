"""`route(frame, version)`: one frame and one pipeline version make the tasks of all paths. Pure.

The choice of every split on the way is made here, once, and pinned in the slip.
"""

from dataclasses import dataclass, field
from typing import assert_never

from router.hashing import Salt, choose_by_key, choose_by_position, is_shadowed
from schemas.errors import Refused
from schemas.frames import Frame, is_table
from schemas.models import PinnedModel, arm_names
from schemas.names import ModelKey
from schemas.pipelines import ModelStep, PipelineVersion, RandomSplit, ShadowDeploy
from schemas.tables.read import first_cell
from schemas.tasks import Role, Slip, SplitChoice, Task


@dataclass(frozen=True, slots=True)
class _Challenge:
    """A challenger's path: the steps before it again, then the challenger."""

    challenger: PinnedModel
    path: tuple[ModelKey, ...]
    split: tuple[SplitChoice, ...]


@dataclass(slots=True)
class _Walk:
    """The official path as far as it is walked."""

    path: list[ModelKey] = field(default_factory=list)
    split: list[SplitChoice] = field(default_factory=list)
    challenges: list[_Challenge] = field(default_factory=list)
    answers: PinnedModel | None = None
    role: Role = "champion"


def route(frame: Frame, version: PipelineVersion) -> tuple[Task, ...]:
    """The official task first, then one per challenger. Refused where a split cannot place the frame.

    Nothing else is raised: what goes wrong here is bound to the frame, and would go wrong each time that it is read."""
    try:
        return _tasks(frame, version)
    except Refused:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {error}; nobody foresaw this: the router's log has its traceback, report it"
        raise Refused("RouteFailed", why, "route") from error


def _tasks(frame: Frame, version: PipelineVersion) -> tuple[Task, ...]:
    walk = _Walk()
    for index, step in enumerate(version.steps):
        salt = Salt(version.workspace, version.name, index)
        match step:
            case ModelStep(model=model):
                walk.answers = walk.answers or model
                walk.path.append(model.key)
            case RandomSplit():
                chosen, choice = _choose(frame, step, salt)
                walk.split.append(choice)
                walk.answers, walk.role = chosen, "chosen"
                walk.path.append(chosen.key)
            case ShadowDeploy(champion=champion, challengers=challengers, share=share):
                if is_shadowed(salt, share, frame.request_id):
                    walk.challenges += [
                        _Challenge(challenger, (*walk.path, challenger.key), tuple(walk.split))
                        for challenger in challengers
                    ]
                walk.answers, walk.role = champion, "champion"
                walk.path.append(champion.key)
            case _:
                assert_never(step)
    if walk.answers is None:
        raise Refused("NoSteps", f"pipeline {version.pipeline} has no steps; add a model step", "route")
    return (_official(frame, version, walk, walk.answers), *_shadows(frame, version, walk))


def expires_at(frame: Frame, version: PipelineVersion) -> int | None:
    """Unix milliseconds after which nobody wants the answer: by the frame's own deadline, or by the age that the
    version allows, whichever comes first. None: never. Refused where the header is none."""
    given = frame.deadline
    if version.frame_age_ms_max is None:
        return given
    by_age = frame.produced_at + version.frame_age_ms_max
    return by_age if given is None else min(given, by_age)


def _official(frame: Frame, version: PipelineVersion, walk: _Walk, answers: PinnedModel) -> Task:
    slip = _slip(frame, version, walk, walk.role, tuple(walk.path), answers, tuple(walk.split))
    return Task(frame, slip, "official", walk.path[0])


def _shadows(frame: Frame, version: PipelineVersion, walk: _Walk) -> list[Task]:
    return [
        Task(
            frame,
            _slip(frame, version, walk, "challenger", challenge.path, challenge.challenger, challenge.split),
            "shadow",
            challenge.challenger.key,
        )
        for challenge in walk.challenges
    ]


def _slip(
    frame: Frame,
    version: PipelineVersion,
    walk: _Walk,
    role: Role,
    path: tuple[ModelKey, ...],
    answers: PinnedModel,
    split: tuple[SplitChoice, ...],
) -> Slip:
    return Slip(
        request_id=frame.request_id,
        pipeline=version.pipeline,
        version=version.version,
        role=role,
        path=path,
        answers=answers.key,
        sha256=answers.model.sha256,
        parts=len(walk.challenges),
        split=split,
        frame=str(frame.origin),
        produced_at=frame.produced_at,
        deadline=expires_at(frame, version),
    )


def _choose(frame: Frame, step: RandomSplit, salt: Salt) -> tuple[PinnedModel, SplitChoice]:
    """The arm that takes the frame: by the request id, by a text's hash, or by a number's place."""
    models = [arm.model for arm in step.arms]
    arms = tuple(zip(arm_names(models), (arm.weight for arm in step.arms), strict=True))
    given = None if step.hash_key is None else hash_value(frame, step.hash_key)
    position = None
    match given:
        case None:
            index = choose_by_key(salt, arms, frame.request_id)
        case str():
            index = choose_by_key(salt, arms, given)
        case float():
            position = given
            index = choose_by_position(arms, given)
    chosen = models[index]
    choice = SplitChoice(
        step=salt.step,
        hash_key=step.hash_key,
        position=position,
        weights=arms,
        name=chosen.model.name,
        version=chosen.model.version,
        sha=chosen.model.sha256,
        missing=step.hash_key is not None and given is None,
    )
    return chosen, choice


def _check_has_no_columns(frame: Frame, hash_key: str) -> None:
    """Refused where a frame's bytes lie elsewhere, where no router reads them, and may be a table's."""
    declared = frame.declared_type
    if declared is None or is_table(declared):
        raise Refused(
            "MissingHeader",
            f"hash key {hash_key!r}: the frame is a reference, and its columns are not read to choose a model; "
            f"expected a header {hash_key!r}: send the hash key as a header",
            "route",
        )


def hash_value(frame: Frame, hash_key: str) -> str | float | None:
    """What a split goes by: a header's text, else the first row of a column: text, or a position. None: the request
    has neither. Refused where it is no key."""
    header = frame.header(hash_key)
    if header is not None:
        return header
    if frame.refers:
        _check_has_no_columns(frame, hash_key)
        return None
    kind = frame.content_type
    if not is_table(kind):
        return None
    cell = first_cell(kind, frame.value, hash_key)
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        raise Refused(
            "HashKeyOutOfRange",
            f"hash key {hash_key!r} is {cell}; expected text, or a number from 0.0 to 1.0",
            "route",
        )
    if not 0.0 <= cell <= 1.0:  # nor is NaN between them
        raise Refused(
            "HashKeyOutOfRange",
            f"hash key {hash_key!r} is {cell!r}; expected a number from 0.0 to 1.0 (send ids as text)",
            "route",
        )
    return float(cell)
