"""Inference requests over REST: from a request's body to the answer's."""

import functools
from collections.abc import Callable
from typing import Any
from typing import ParamSpec
from typing import TypeVar

from keras_resattn_client.typing import Array
from keras_resattn_server.models.servable import Servable
from keras_resattn_server.requests import classification
from keras_resattn_server.requests.classification import Task
from keras_resattn_server.rest.examples import read_examples
from keras_resattn_server.rest.image_files import IMAGE_FILES
from keras_resattn_server.rest.image_files import with_base64_remedy
from keras_resattn_server.rest.predict_format import read_request
from keras_resattn_server.rest.predict_format import read_signature_name
from keras_resattn_server.rest.predict_format import read_tensors
from keras_resattn_server.rest.predict_format import write_columns
from keras_resattn_server.rest.predict_format import write_rows
from keras_resattn_server.running.inference import Find
from keras_resattn_server.running.inference import Inference
from keras_resattn_server.wire.json_parser import parse_json
from keras_resattn_server.wire.status import ServingError

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


async def predict(inference: Inference, find: Find, body: bytes) -> str:
    """Answer a `:predict` request.

    Args:
        inference: Runs the model.
        find: Returns the servable of the URL.
        body: The request's body.

    Returns:
        The answer's body.

    Raises:
        ServingError: If the request is refused, or running it fails.
    """
    servable, name, arrays, by_rows = await inference.call(_read_predict, find, body)
    try:
        outputs = await inference.run(servable, name, arrays)
    except ServingError as error:
        raise with_base64_remedy(error, arrays) from error
    return await inference.call(write_rows if by_rows else write_columns, outputs)


async def run_examples(
    task: Task[Any], inference: Inference, find: Find, body: bytes
) -> str:
    """Answer a `:classify` or `:regress` request, as `predict` does.

    Args:
        task: `CLASSIFY` or `REGRESS`.
        inference: Runs the model.
        find: Returns the servable of the URL.
        body: The request's body.
    """
    name, examples = await inference.call(_read_examples, body)
    found = await classification.run_examples(inference, find(), name, task, examples)
    return await inference.call(task.write, found)


def _nesting_checked(
    function: Callable[_Arguments, _Result],
) -> Callable[_Arguments, _Result]:
    """Refuse values that are too deep for Python's stack, also in messages."""

    @functools.wraps(function)
    def checked(*arguments: _Arguments.args, **options: _Arguments.kwargs) -> _Result:
        try:
            return function(*arguments, **options)
        except RecursionError as error:
            raise ServingError("JSON value is nested too deeply.") from error

    return checked


@_nesting_checked
def _read_predict(
    find: Find, body: bytes
) -> tuple[Servable, str, dict[str, Array], bool]:
    if body.startswith(IMAGE_FILES):
        raise ServingError(
            "The body is an image file. Send its type: `Content-Type: image/png`."
        )
    request = read_request(parse_json(body))
    signature_name = read_signature_name(request)
    servable = find()
    specs = servable.input_specs(signature_name)
    arrays, by_rows = read_tensors(request, specs)
    return servable, signature_name, arrays, by_rows


@_nesting_checked
def _read_examples(body: bytes) -> tuple[str, list[bytes]]:
    request = read_request(parse_json(body))
    return read_signature_name(request), read_examples(request)
