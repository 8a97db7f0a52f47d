"""Notebooks, stored with their outputs. `python -m examples.notebooks` executes and saves them again."""
