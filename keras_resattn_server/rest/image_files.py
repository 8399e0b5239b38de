"""Images as people send them: as a file, as a form of files, and wrongly as text."""

import asyncio
import re
from collections.abc import AsyncIterator
from collections.abc import Mapping

import numpy as np
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.formparsers import MultiPartParser

from keras_resattn_client.typing import Array
from keras_resattn_server.models.servable import Servable
from keras_resattn_server.rest.predict_format import write_rows
from keras_resattn_server.running.inference import Find
from keras_resattn_server.running.inference import Inference
from keras_resattn_server.wire.status import ServingError

_FORM = "multipart/form-data"
_SIGNATURE_NAME = "signature_name"
_REMEDY = "Send a file, for example with `curl -F image=@FILE`."
# The first bytes of JPEG, PNG, GIF and WebP files. No JSON begins with them.
IMAGE_FILES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF")
# The first bytes of JPEG, PNG, GIF, BMP and WebP, in base64.
_IMAGE_TEXT = re.compile(rb"data:image/|/9j/|iVBORw0KGgo|R0lGOD|Qk[0-3]|UklGR")


class _Parser(MultiPartParser):
    spool_max_size = 2**40  # The body is in memory, so do not write it to a disk.


def is_image_request(headers: Headers) -> bool:
    """Return whether the body of a request is an image file, or a form of them."""
    media_type = headers.get("content-type", "").lower().lstrip()
    return media_type.startswith(("image/", _FORM))


async def predict_images(
    headers: Headers, inference: Inference, find: Find, body: bytes
) -> str:
    """Answer a `:predict` request whose body is an image file, or a form of them.

    Args:
        headers: The request's headers.
        inference: Runs the model.
        find: Returns the servable of the URL.
        body: The request's body.

    Returns:
        The answer's body, in rows: one prediction per file, in their order.

    Raises:
        ServingError: If the request is refused, or running it fails.
    """
    files, signature = [body], ""
    if headers["content-type"].lower().lstrip().startswith(_FORM):
        # A form can take seconds to parse, and other requests must not wait for it.
        files, signature = await inference.call(_form_of, headers, body)
    if not files or not all(files):
        raise ServingError(f"The request has no image file, or an empty one. {_REMEDY}")
    servable = find()
    array = np.empty(len(files), object)
    array[:] = files
    arrays = {_string_input(servable, signature): array}
    outputs = await inference.run(servable, signature, arrays)
    return await inference.call(write_rows, outputs)


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


def _string_input(servable: Servable, signature: str) -> str:
    specs = servable.input_specs(signature)
    names = [name for name, spec in specs.items() if spec.dtype.name == "string"]
    if len(specs) != 1 or len(names) != 1:
        raise ServingError(
            "This signature does not take image files. Send its inputs as JSON, or a "
            f"form ({_FORM}) with another {_SIGNATURE_NAME}. "
            f"Received: {signature or 'the default signature'}"
        )
    return names[0]


def _form_of(headers: Headers, body: bytes) -> tuple[list[bytes], str]:
    return asyncio.run(_read_form(headers, body))


async def _read_form(headers: Headers, body: bytes) -> tuple[list[bytes], str]:
    """Return the files of a form in their order, and the name of the signature."""

    async def stream() -> AsyncIterator[bytes]:
        yield body

    try:
        form = await _Parser(headers, stream()).parse()  # type: ignore[arg-type]
    except (MultiPartException, KeyError) as error:
        reason = f"its Content-Type has no boundary, which clients add. {_REMEDY}"
        if b"boundary" in parse_options_header(headers["content-type"])[1]:
            reason = getattr(error, "message", str(error))
        raise ServingError(f"The form is not valid: {reason}") from error
    boundary = parse_options_header(headers["content-type"])[1][b"boundary"]
    if b"--" + boundary + b"--" not in body:
        raise ServingError("The form is cut off: its last boundary is missing.")
    files, signature = [], ""
    for name, value in form.multi_items():
        if isinstance(value, UploadFile) and name != _SIGNATURE_NAME:
            files.append(await value.read())
        elif isinstance(value, str) and name == _SIGNATURE_NAME:
            signature = value
        elif isinstance(value, str):
            raise ServingError(f"The form's field {name} is not a file. {_REMEDY}")
        else:
            raise ServingError(f"{_SIGNATURE_NAME} must be a text, not a file.")
    await form.close()
    return files, signature
