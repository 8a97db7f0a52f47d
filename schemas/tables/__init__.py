"""TABLES: Arrow and JSON, read with bounds, and made into a model's inputs. Pure.

read       a frame's bytes -> a table; a table -> bytes
unpacked   the unpacked size of a compressed Arrow stream
encodings  encodings and extension types of Arrow -> plain columns
fitting    cells -> arrays of an input's shape
casting    arrays -> an input's dtype
"""
