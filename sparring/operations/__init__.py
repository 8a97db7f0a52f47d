"""OPERATIONS: dead letters, topics that nobody needs, the index, one frame.

deadletters  Dead letters: frames that were refused, as they came. Listed by time, and sent again as new frames
lookup       One request looked up: its answers in the index, and its frame's picture with their boxes
pruning      Which topics of models nobody needs any more. Pure
rebuild      The index rebuilt from the topics: Redis is a view, so it can be had again
"""
