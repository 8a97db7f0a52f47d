"""INFERENCE: requests and their answers.

infer     one request, and the wait for its answer
parallel  many requests at once
"""
