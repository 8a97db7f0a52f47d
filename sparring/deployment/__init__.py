"""A VERSION GOES LIVE: configured, checked, deployed.

deploy          offers a version, waits until it is warm, sets the live pointer
draft           a pipeline's edited steps
configure       `model.configure()`: its arguments, checked
version_checks  what `deploy()` refuses
onnx_file       inspects an ONNX file in a process of its own
version_prefix  a version by the beginning of its uuid
"""
