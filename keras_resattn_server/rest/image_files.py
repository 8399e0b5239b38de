"""Predict requests that are image files: `image/png` and others, or a form of them."""

from collections.abc import AsyncIterator

import numpy as np
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.formparsers import MultiPartParser

from keras_resattn_server.models.servable import Servable
from keras_resattn_server.rest.predict_format import write_rows
from keras_resattn_server.running.inference import Find
from keras_resattn_server.running.inference import Inference
from keras_resattn_server.wire.status import ServingError

_FORM = "multipart/form-data"
_SIGNATURE_NAME = "signature_name"


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
        files, signature = await _read_form(headers, body)
    if not files or not all(files):
        raise ServingError("The request has no image file, or an empty one.")
    servable = find()
    array = np.empty(len(files), object)
    array[:] = files
    arrays = {_string_input(servable, signature): array}
    outputs = await inference.run(servable, signature, arrays)
    return await inference.call(write_rows, outputs)


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


async def _read_form(headers: Headers, body: bytes) -> tuple[list[bytes], str]:
    """Return the files of a form in their order, and the name of the signature."""

    async def stream() -> AsyncIterator[bytes]:
        yield body

    try:
        form = await _Parser(headers, stream()).parse()  # type: ignore[arg-type]
    except (MultiPartException, KeyError) as error:
        reason = getattr(error, "message", "there is no boundary")
        raise ServingError(f"The form is not valid: {reason}") from error
    boundary = parse_options_header(headers["content-type"])[1][b"boundary"]
    if b"--" + boundary + b"--" not in body:
        raise ServingError("The form is cut off: its last boundary is missing.")
    signature = form.get(_SIGNATURE_NAME, "")
    if not isinstance(signature, str):
        raise ServingError(f"{_SIGNATURE_NAME} must be a text, not a file.")
    values = [value for _, value in form.multi_items()]
    files = [await item.read() for item in values if isinstance(item, UploadFile)]
    await form.close()
    return files, signature
