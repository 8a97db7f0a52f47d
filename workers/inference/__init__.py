"""The model process: read tasks, run, publish, commit. One model version, one lane.

process    the loop
line       tickets: answers leave in the order in which tasks came, commits follow delivery
attempts   which message took its process down
fetching   a frame that lies elsewhere is read
answering  a task becomes an answer: decode, run every step of its path, encode
shelf      what is loaded, for which pipeline versions
loading    a model is loaded, or left behind where that hangs
steps      one loaded model or Python step
tensors    a request's columns -> arrays
images     an encoded image -> an array
"""
