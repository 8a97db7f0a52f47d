"""THE COMPARISON'S REPORT: text, page and pictures.

overlay     Both sides' boxes over a picture, as SVG: A sky blue, B orange, matched drawn solid, unmatched dashed. P
page        One HTML page, by itself: no script, nothing from outside, every text escaped
pictures    Pictures opened where they lie: files, videos and datasets here or in an object store, and topics
source_uri  Where a picture lies: what a dataset's column `source` says, as a replay writes it. Pure
text        What a comparison found as short tables of text, for a terminal and for a page. Pure
"""
