"""DEPLOYMENT: from model files and steps to a pipeline version that is live.

model_file      a model file -> the model version that an upload makes of it
onnx_file       inputs and outputs of an ONNX file, read in a process of its own
configure       the arguments of `ModelVersion.configure()`, checked for one model
image_settings  its image settings: how an encoded image becomes an input
draft           the steps and rules of a pipeline handle, until they are deployed
version_checks  a pipeline version that could never answer is refused
version_prefix  a version by the beginning of its uuid
deploy          offers a version, waits until its models are ready, makes it live
"""
