"""TWO RUNS BESIDE EACH OTHER: per request and in total, what changed between two results datasets.

    boxes       boxes of two answers matched by IoU, greedy by confidence
    side        one dataset as rows that can be laid beside another's
    buckets     both sides cut into pieces by the request, each small enough for memory
    pairs       one piece: every request's two answers compared
    totals      what all pieces come to, in memory that does not grow with them
    comparison  the whole: two folders in, totals, worst pairs and a dataset out
    pictures    the frame of a pair, wherever its bytes lie
    page        one HTML page with the pairs that differ most

Nothing here needs a running system, unless a picture lies on its topic.
"""

from sparring.compare.comparison import Comparison, compare
from sparring.compare.pairs import Rules

__all__ = ["Comparison", "Rules", "compare"]
