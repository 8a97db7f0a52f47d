"""What nobody should send, and what anybody may: does the system answer rightly, or refuse with a reason?

Frames (`corpus`, `tables`, `bombs`; `run`, `test_fuzz`, `test_decoders`, `test_bombs`): broken, false and hostile bytes
to a whole system. Each is answered once, with its reason; no process ends or grows.

Models (`signatures`, `requests`, `by_hand`, `models`, `test_models`): random small ONNX models, alone, with runs that
requests share, and in paths of two, take random tables through the code of a model process, without Kafka. For each
request:

- An answer is, to the last bit, what ONNX Runtime gives by hand for what the user means, row by row; or it is an error
  with a message. It is never anything else, and never holds what belongs to another request.
- What nobody doubts is answered: the array as it is or flat, in the model's dtype or a fitting one, as JSON or Arrow,
  with columns by name, by `tensor_fields` or as `tensor`. Refusing everything does not pass.

Pictures (`pictures`, `test_pictures`): random pictures for inputs of random shape and dtype, with random image
settings. The tensor is what OpenCV and NumPy give by hand of the known pixels, or the frame is refused.

All of it is made from a seed, which is printed. `make fuzz` runs all; `ARGS="--models 5000 --seed 7"` no frames.
A page shows each failing model in ONNX's own text, with what was sent and what was expected.
"""
