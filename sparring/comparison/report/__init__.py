"""THE REPORT of a comparison.

text        names and numbers in words
page        the HTML page
overlay     a picture with both sides' boxes
pictures    the pictures, opened where they lie
source_uri  where a picture lies
"""
