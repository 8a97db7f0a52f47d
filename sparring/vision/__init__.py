"""Pictures: load them as a model's input, draw the boxes of one or several models with class names.

Arrays are uint8 RGB [height, width, 3]. Boxes are flat lists or [n, 4] of x1, y1, x2, y2 in pixels of
the picture that they are drawn on; `boxes_on_picture` converts a model's boxes.

    pictures  pictures read, resized for a model, written
    drawing   boxes on pictures, with labels and a legend. Pure
    labels    positions of labels that do not overlap. Pure
    places    a model's boxes in pixels of the picture. Pure
    found     a result of `infer` or a row of `logs()`, drawn on its picture
    coco      class names
"""

from sparring.vision.coco import COCO, COCO_NAMES, class_name
from sparring.vision.drawing import COLOURS, Colour, Layer, confident, draw, draw_layers, legend
from sparring.vision.found import draw_result
from sparring.vision.pictures import Image, decode, encode_png, enlarged, load_image
from sparring.vision.places import boxes_on_picture

__all__ = [
    "COCO",
    "COCO_NAMES",
    "COLOURS",
    "Colour",
    "Image",
    "Layer",
    "boxes_on_picture",
    "class_name",
    "confident",
    "decode",
    "draw",
    "draw_layers",
    "draw_result",
    "encode_png",
    "enlarged",
    "legend",
    "load_image",
]
