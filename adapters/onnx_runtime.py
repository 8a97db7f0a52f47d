"""ONNX Runtime with its telemetry off: the one place that imports it.

Its wheels (1.32) have telemetry on: each process that loads a model keeps a device id and a database of events in the
user's cache, and sends them to its vendor. ONNX Runtime reads the variable below while it is imported; a call of
`disable_telemetry_events()` after the import stops nothing. Child processes inherit the variable.

Every other module, test, example and benchmark has `from adapters.onnx_runtime import onnxruntime` (ruff forbids the
plain import). Whoever does not run models does not import this module: it takes a tenth of a second and 40 MB.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime  # noqa: TID251  # only after the variable is set

__all__ = ["onnxruntime"]
