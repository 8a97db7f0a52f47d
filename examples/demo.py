"""The demo, from top to bottom: a shop checks its price labels, and a new text detector wants the old one's place.

    python -m examples.demo [--keep] [--frames N] [--fps N]

Everything is real: Apache Kafka, Valkey, router, host, indexer, two detectors out of packages. Frames are rendered, so
that the true labels are known.
"""

import argparse
import logging
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from kafka.errors import KafkaError
from rich.console import Console

from adapters.settings import Settings
from examples import text_boxes
from examples.experiment import Experiment, run
from examples.models import IMAGE_SETTINGS, model_path
from examples.outcome import Outcome
from examples.picture import Side, side_by_side, write_png
from examples.shelf import Shelf, render_shelf
from examples.stream import Backend, Camera
from examples.table import LiveTable, score_table
from schemas.errors import SparringError
from sparring import Client, Framework, ModelVersion, Pipeline
from sparring.cli.interrupt import interrupted_once
from sparring.stack import LocalStack, StackError
from sparring.stack.detached import stop_stack
from sparring.stack.folder import Folder

DATA: Final = Path(".demo")
PIPELINE: Final = "price-labels"
CHAMPION: Final = "pp-ocrv4-det"
CHALLENGER: Final = "pp-ocrv6-det"
SHADOW_SHARE: Final = 1 / 2
"""Frames of the shadow per frame of the split."""
SHADOW_PACE: Final = 2 / 3
"""Each frame is work for both models then."""

INTERRUPTED: Final = 130

_BOXES: Final["pa.Field[Any]"] = pa.field("boxes", pa.list_(pa.float32()))
_CLASSES: Final["pa.Field[Any]"] = pa.field("classes", pa.list_(pa.int64()))
_CONFIDENCES: Final["pa.Field[Any]"] = pa.field("confidences", pa.list_(pa.float32()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; returns its exit code: 0, 1 after an error, 130 after Ctrl-C."""
    parsed = _parser().parse_args(arguments)
    # What client libraries warn about while the broker starts is no news for a person: a failure is raised.
    logging.basicConfig(level=logging.ERROR, format="demo: %(message)s")
    console = Console()
    try:
        with interrupted_once():
            demo(parsed.frames, parsed.fps, keep=parsed.keep, console=console)
    except KeyboardInterrupt:
        console.print(f"\ninterrupted: everything is stopped; logs and data are in {DATA}")
        return INTERRUPTED
    except (SparringError, KafkaError, OSError, RuntimeError) as error:
        sys.stderr.write(f"demo: {error}\ndemo: the logs are in {DATA}/log; `make demo` starts from a clean slate\n")
        return 1
    return 0


def demo(frames: int, fps: float, *, keep: bool, console: Console) -> None:
    """Start everything, tell the story, stop everything."""
    started_s = time.monotonic()
    _prepare(DATA, keep=keep)
    console.print(f"[bold]1. A broker, an index, three services[/] in {DATA}, on free ports of this machine")
    with (
        rendered(frames) as shelves,
        LocalStack(DATA, allow_python=True, report=lambda line: console.print(f"  {line}", style="dim")) as stack,
    ):
        outcome = tell(stack, shelves, fps, DATA, console)
        console.print("\n[bold]5. The end[/]")
    _summarize(outcome, console, time.monotonic() - started_s)


@contextmanager
def rendered(frames: int) -> Iterator[list[Future[Shelf]]]:
    """That many shelves, painted in the background while everything starts."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="painter")
    try:
        yield [pool.submit(render_shelf, seed) for seed in range(frames)]
    finally:
        pool.shutdown(cancel_futures=True)


def tell(stack: LocalStack, shelves: Sequence[Future[Shelf]], fps: float, folder: Path, console: Console) -> Outcome:
    """The story on a running stack; the picture, and the frame that it shows, go into `folder`."""
    settings = Settings(kafka=stack.kafka, redis=stack.redis, store=stack.store, namespace=stack.namespace)
    run_id = f"demo-{time.time_ns() // 1_000_000}"
    with (
        Client(settings) as client,
        Camera(stack.kafka, stack.namespace, PIPELINE) as camera,
        Backend(stack.kafka, stack.namespace) as backend,
    ):
        console.print("\n[bold]2. Two detectors and a Python step[/] that makes boxes of their probability maps")
        champion, challenger = (upload_detector(client, name) for name in (CHAMPION, CHALLENGER))
        boxes = upload_text_boxes(client)
        for model in (champion, challenger, boxes):
            console.print(f"  {model.name():14} {model.framework():7} sha {model.sha()[:12]}", highlight=False)

        console.print(f"\n[bold]3. A random split[/]: 2 of 3 frames to {CHAMPION}, 1 of 3 to {CHALLENGER}")
        pipeline = client.build_pipeline(PIPELINE)
        pipeline.add_random_split([(2, champion), (1, challenger)]).add_model_step(boxes)
        _deploy(pipeline, console)
        split = Experiment("random split 2:1", shelves)
        with LiveTable(console) as table:
            run(split, camera, backend, fps, f"{run_id}-split", table.show)

        console.print(f"\n[bold]4. A shadow deploy, swapped in live[/]: {CHAMPION} answers, {CHALLENGER} spars")
        pipeline.replace_with_shadow_deploy(0, champion, [challenger])
        _deploy(pipeline, console)
        again = shelves[: max(1, round(len(shelves) * SHADOW_SHARE))]
        shadow = Experiment("shadow deploy", again, parts=2)
        with LiveTable(console) as table:
            run(shadow, camera, backend, fps * SHADOW_PACE, f"{run_id}-shadow", table.show)

    outcome = Outcome(CHAMPION, CHALLENGER, split, shadow)
    console.print(f"  {outcome.official()}", highlight=False, soft_wrap=True)
    shelf, seen = outcome.most_different()
    sides = (Side(CHAMPION, "champion", seen[CHAMPION]), Side(CHALLENGER, "challenger", seen[CHALLENGER]))
    write_png(str(folder / "champion-vs-challenger.png"), side_by_side(shelf, *sides))
    (folder / "frame.jpg").write_bytes(shelf.jpeg())
    return outcome


def upload_detector(client: Client, name: str) -> ModelVersion:
    """One of the two detectors, with the image settings that it was trained for."""
    return client.upload_model(name, model_path(name)).configure("onnx", image=IMAGE_SETTINGS[name])


def upload_text_boxes(client: Client) -> ModelVersion:
    """The step that runs behind either detector: the file itself is uploaded, and says what it takes and gives."""
    step = client.upload_model("text-boxes", text_boxes.__file__, framework=Framework.PYTHON)
    return step.configure(
        "python",
        input_schema=pa.schema([pa.field("probability", pa.list_(pa.float32()))]),
        output_schema=pa.schema([_BOXES, _CLASSES, _CONFIDENCES]),
    )


def _deploy(pipeline: Pipeline, console: Console) -> None:
    started_s = time.monotonic()
    pipeline.deploy()
    took_s = time.monotonic() - started_s
    console.print(f"  version {pipeline.versions()[0][:8]} is live, {took_s:.1f} s after deploy()", style="dim")


def _summarize(outcome: Outcome, console: Console, took_s: float) -> None:
    rows = outcome.split.shares() + outcome.shadow.shares()
    console.print(score_table(rows, f"everything in {took_s:.0f} s"))
    console.print(f"\n{outcome.verdict()}", highlight=False, soft_wrap=True)
    console.print(
        f"""
[bold]Look:[/] {DATA}/champion-vs-challenger.png, the frame on which the two differ most ({DATA}/frame.jpg)
[bold]Try next:[/]
  .venv/bin/sparring up -d --data {DATA} --allow-python    the same system again, the shadow deploy is live in it
  .venv/bin/sparring status --data {DATA}                  brokers, topics with lag, warm models
  SPARRING_DATA={DATA} .venv/bin/python                    or in a notebook:
      import sparring
      pipeline = sparring.Client().get_pipeline("{PIPELINE}")
      pipeline.infer_image("{DATA}/frame.jpg")             the champion's out.*, the challenger's out_{CHALLENGER}.*
  .venv/bin/sparring down --data {DATA}
  docs/contract.md                                        headers and types: any Kafka client can be the camera""",
        highlight=False,
        soft_wrap=True,
    )


def _prepare(data: Path, *, keep: bool) -> None:
    """A clean slate, or what the last run left. StackError where a stack lives there."""
    folder = Folder(data)
    if (holder := folder.holder()) is not None:
        raise StackError(
            f"a stack lives in {data} (process {holder.pid}): "
            f"`.venv/bin/sparring down --data {data}` ends it, then try again"
        )
    if data.exists():
        stop_stack(folder)
        if not keep:
            shutil.rmtree(data)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.demo",
        description="A real Kafka, two real text detectors, a random split, a shadow deploy.",
        epilog="exit codes: 0 done, 1 failed (one line says why), 2 wrong usage, 130 interrupted",
    )
    parser.add_argument("--keep", action="store_true", help=f"keep and reuse the data of the last run in {DATA}")
    parser.add_argument("--frames", type=_positive(int), default=120, help="frames of the split; the shadow gets half")
    parser.add_argument("--fps", type=_positive(float), default=6.0, help="frames a second that the camera sends")
    return parser


def _positive(kind: type[int] | type[float]) -> Any:
    def number(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = kind(0)
        if not 0 < value < 1_000_000:
            raise argparse.ArgumentTypeError(f"{text!r}; expected a number above 0")
        return value

    return number


if __name__ == "__main__":
    sys.exit(main())
