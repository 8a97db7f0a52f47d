"""INFERENCE: one request and its answer, or many requests side by side.

infer     One request through the system: send the frame, wait for its answers in the index, make the table
parallel  A big table in sub-batches: several on their way at once, results in the order of the input
"""
