"""REPLAY: recorded frames through another version or a candidate, never on official topics unless requested.

source          which frames: a closed set, settled before the first is sent. Pure
select          times, offsets, ids, answers, dead letters -> a source
frame           one frame to replay, or why there is none. Pure
pending_frames  a source's frames, and those that no run has done
topic_frames    frames of topics
file_frames     frames of files
dataset_frames  frames of the rows of datasets
plan            what is replayed, to which version, how fast
target          the version that answers, with its models' files
isolated        a router and a host of its own, in a namespace of its own
journal         what was sent, written and missed, in a file
recorded        the official answers that the frames had before
replay          one run, from the journal
loop            read a frame, send it, take answers, write them, note it
in_flight       frames whose answers are not complete
transport       sends frames, receives delivery reports and answers
input_sizes     the size of the input in whose pixels boxes are
decisions       routing decisions made again, also with other weights
"""
