"""A VERSION GOES LIVE: configuration, checks, deployment.

configure       What `configure()` takes, checked. Pure
deploy          Switching a pipeline version live, and off: records in the catalog, answers in presence
draft           What a pipeline's handle holds: the latest version's steps and rules, until it is edited. Pure
onnx_file       Reads an ONNX file's inputs and outputs, in a process of its own: a native crash is survived
version_checks  Checks of a pipeline version before it is live: could it ever answer?
version_prefix  Which version of a pipeline the beginning of a uuid names. Pure
"""
