"""The texts of a replay: its progress and its summary. Pure."""

from pathlib import Path

from sparring.replay.journal import Journal
from sparring.replay.plan import ReplayCounts

_HOUR_S = 3600


def line(counts: ReplayCounts, elapsed_s: float) -> str:
    """How far it is: counts, rate, and the time that is left where the number of frames is known."""
    rate = counts.answered / elapsed_s
    most = "at most " if counts.at_most else ""
    of = "" if counts.frames is None else f" of {most}{counts.frames:,}"
    said = f"{counts.done:,}{of} frames, {counts.under_way} under way; {rate:,.1f} frames/s"
    bad = {status: number for status, number in counts.statuses.items() if status != "ok"}
    said += "".join(f", {number:,} {status}" for status, number in bad.items())
    left_s = seconds_left(counts, elapsed_s)
    return said if left_s is None else f"{said}, {most}{duration(left_s)} left"


def seconds_left(counts: ReplayCounts, elapsed_s: float) -> float | None:
    """Until all frames are read and answered, at the rate so far; None: unknown.

    Of a range, other pipelines' frames are passed over: it is its offsets that tell how far it is.
    """
    passed = counts.passed - counts.passed_before
    if counts.frames is None or not counts.answered or not passed:
        return None
    to_read_s = max(0, counts.frames - counts.passed) * elapsed_s / passed
    return to_read_s + counts.under_way * elapsed_s / counts.answered


def duration(seconds: float) -> str:
    """Seconds in words."""
    whole = round(seconds)
    hours, minutes, rest = whole // _HOUR_S, whole % _HOUR_S // 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def summary(folder: Path, counts: ReplayCounts, journal: Journal) -> str:
    """The last lines: this run's counts, and the journal's."""
    sent, again, written = journal.counts()
    statuses = ", ".join(f"{number:,} {status}" for status, number in sorted(counts.statuses.items())) or "none"
    lines = [
        f"{sent:,} frames sent, {written:,} answered and written; of this run: {statuses}",
        f"{again:,} frames were sent more than once" if again else "no frame was sent twice",
    ]
    if counts.late:
        lines.append(f"{counts.late:,} challengers' answers did not come in time and are not in it")
    if counts.shed:
        lines.append(f"{counts.shed:,} challengers' answers say that it was not done: shed")
    if counts.refused:
        lines.append(f"{counts.refused:,} frames were refused; --resume tries them again")
    if missing := journal.missing:
        most = ", at most: other pipelines' may be among them" if counts.at_most else ""
        lines.append(f"{missing:,} frames are missing: their topic no longer had them{most}")
    lines.append(f"the answers: {folder}; `sparring compare` lays two of these beside each other")
    return "".join(f"{one}\n" for one in lines)
