"""Specification of the examples."""
