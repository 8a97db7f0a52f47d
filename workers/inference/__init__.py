"""The model process: read tasks, run, publish, commit. One model version, one lane.

process         the loop
line            tickets: answers leave in the order in which tasks came, commits follow delivery
attempts        which message took its process down
fetching        a frame that lies elsewhere is read
answering       a task becomes an answer: decode, run every step of its path, encode
tensors         a request -> a model's input arrays
picture_inputs  a picture -> a model's input arrays
steps           one loaded model or Python step
independence    whether rows may share a run: two rows alone and together
shelf           which models are loaded, for which pipeline versions
loading         loads a model in a thread; a load that hangs is left behind
shed_policy        when a challenger's task is too old to run
watchdog        ends the process when a run hangs
recorder        metrics and spans of the process
allocator       keeps decode buffers
"""
