"""COMPARISON of two results datasets, answer by answer and in total.

compare      `sparring.compare`: buckets, then per bucket join, compare, add up
comparison   its result, for notebooks, programs and pages
options      its arguments, checked
side         one dataset, read as a stream
parquet      Parquet files read in portions
buckets      rows, split into files by their subject
joined       the answers of one subject and row, paired
pairs        what changed in each pair, and the dataset of pairs
detections   an answer's boxes
coordinates  brings both sides' boxes into one coordinate system
matching     which box is which. Pure
boxes        boxes of many answers as flat arrays. Pure
outputs      other outputs than boxes. Pure
totals       totals over all pairs
changed      the pairs that changed most
report       text, page and pictures
"""
