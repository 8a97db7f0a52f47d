"""What a replay says while it goes on, and in the end. Pure."""

from pathlib import Path

from sparring.replay.run import Counts

_HOUR_S = 3600


def line(counts: Counts, elapsed_s: float) -> str:
    """How far it is: counts, rate, and the time that is left where the number of frames is known."""
    rate = counts.answered / elapsed_s
    of = "" if counts.frames is None else f" of {counts.frames:,}"
    said = f"{counts.done:,}{of} frames, {counts.sent - counts.answered} under way; {rate:,.1f} frames/s"
    bad = {status: number for status, number in counts.statuses.items() if status != "ok"}
    said += "".join(f", {number:,} {status}" for status, number in bad.items())
    if counts.frames is None or not counts.answered:
        return said
    return f"{said}, {duration(max(0, counts.frames - counts.done) / rate)} left"


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    whole = round(seconds)
    hours, minutes, rest = whole // _HOUR_S, whole % _HOUR_S // 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def summary(folder: Path, counts: Counts, journal: tuple[int, int, int]) -> str:
    """The last lines. journal: frames of all runs that were sent, sent more than once, and written."""
    sent, again, written = journal
    statuses = ", ".join(f"{number:,} {status}" for status, number in sorted(counts.statuses.items())) or "none"
    lines = [
        f"{sent:,} frames sent, {written:,} answered and written; of this run: {statuses}",
        f"{again:,} frames were sent more than once" if again else "no frame was sent twice",
    ]
    if counts.late:
        lines.append(f"{counts.late:,} challengers' answers did not come in time and are not in it")
    if counts.refused:
        lines.append(f"{counts.refused:,} frames were refused and not sent")
    lines.append(f"the answers: {folder}; `sparring compare` lays two of these beside each other")
    return "".join(f"{one}\n" for one in lines)
