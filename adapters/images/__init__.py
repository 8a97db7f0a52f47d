"""IMAGES through OpenCV and libjpeg-turbo: checked, decoded, resized.

files        checks an encoded image's bytes; its format and orientation
decode       decodes an image; a picture as a model's input
jpegs        decodes a JPEG and reports its damage
jpeg_series  several JPEGs in one file
"""
