"""The host: follows the catalog and keeps one model process per model version and lane.

It starts, watches and ends processes, and nothing else: no frame passes through it.
"""
