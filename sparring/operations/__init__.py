"""OPERATIONS: what one does to a running system.

deadletters  reads dead letters, sends them again
pruning      finds and deletes topics that no version needs
rebuild      writes the index again from the topics
lookup       one request: its answers, its frame, its picture
"""
