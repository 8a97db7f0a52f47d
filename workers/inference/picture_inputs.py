"""A picture becomes the arrays of one request: the tensor of its input, and the values of the other inputs."""

from typing import Any

import numpy as np

from adapters.images import Uint8, decode_image, image_tensor, target_size
from schemas.errors import Refused
from schemas.models import PinnedModel
from schemas.pictures import beside_arrays, check_beside, picture_input


def decoded_inputs(value: bytes, pinned: PinnedModel) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of one encoded image, for the first model of its path. Refused where the bytes are not an image, and,
    before they are decoded, where the model takes no pictures."""
    settings = pinned.configuration.image
    try:
        check_beside(pinned.inputs, settings)
    except Refused as refusal:
        message = f"an image came, but {refusal.message.replace('the model', f'model {pinned.model.name}', 1)}"
        raise Refused(refusal.error, message, refusal.stage) from None
    return picture_inputs(decode_image(value, settings), pinned)


def picture_inputs(picture: Uint8, pinned: PinnedModel) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of one picture, uint8 [H, W, 3]. Refused where the model takes none."""
    settings = pinned.configuration.image
    spec = picture_input(pinned.inputs, settings).spec
    size = target_size(picture, settings, spec)
    beside = beside_arrays(pinned.inputs, settings, (picture.shape[1], picture.shape[0]), size)
    return {spec.name: image_tensor(picture, settings, spec)} | beside
