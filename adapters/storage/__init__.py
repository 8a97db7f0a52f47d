"""FILES AND BUCKETS: model files, and frames that are references.

models           the model store: files by their sha256
references       reads a referenced frame below the permitted roots
reference_store  writes large frames of the SDK
roots            the permitted roots, and URIs below them
local_file       reads one file below a root, without links
"""
