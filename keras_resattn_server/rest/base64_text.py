"""Recognize images that were sent in another way than those that are understood."""

import re
from collections.abc import Mapping

from keras_resattn_client.typing import Array
from keras_resattn_server.wire.status import ServingError

# The first bytes of JPEG, PNG, GIF and WebP files. No JSON begins with them.
IMAGE_FILES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF")
# The first bytes of JPEG, PNG, GIF, BMP and WebP, in base64.
_IMAGE_TEXT = re.compile(rb"data:image/|/9j/|iVBORw0KGgo|R0lGOD|Qk[0-3]|UklGR")


def with_base64_remedy(
    error: ServingError, arrays: Mapping[str, Array]
) -> ServingError:
    """Return an error, with the remedy if an input looks like base64 text.

    Args:
        error: The error of running a signature.
        arrays: The inputs.
    """
    if error.code != "INVALID_ARGUMENT":
        return error
    for name, array in arrays.items():
        texts = array.ravel() if array.dtype.kind == "O" else ()
        for index, text in enumerate(texts):
            if _IMAGE_TEXT.match(text):
                remedy = (
                    f"Element {index} of input {name} looks like an image as base64 "
                    'text. Send {"b64": "..."} instead, without "data:...;base64,".'
                )
                return ServingError(f"{error.message} {remedy}")
    return error
