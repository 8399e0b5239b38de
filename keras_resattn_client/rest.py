"""The client's side of TensorFlow Serving's REST interface."""

import base64
import contextlib
import importlib.metadata
import json
import ssl
import time
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np

from keras_resattn_client.errors import ServerError
from keras_resattn_client.errors import ServerNotTrusted
from keras_resattn_client.errors import ServerTimeout
from keras_resattn_client.errors import ServerUnreachable
from keras_resattn_client.retry import Passing
from keras_resattn_client.retry import Retry
from keras_resattn_client.retry import retry_after
from keras_resattn_client.target import Target
from keras_resattn_client.target import Tls
from keras_resattn_client.transport import Inputs
from keras_resattn_client.transport import Status
from keras_resattn_client.typing import Array

# Too many requests; unavailable.
PASSING = (429, 503)


# The failures of a connection that the server closed, for example when it restarts.
BROKEN = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


class RestTransport:
    """Run signatures by `POST .../v1/models/NAME:predict`.

    Args:
        target: The server and the model.
        retry: The number of attempts and their time.
        api_key: Sent as `Authorization: Bearer KEY`. None is no key.
        tls: The files of an `https` connection.
    """

    bytes_per_float = 20  # as text, with a comma

    def __init__(self, target: Target, retry: Retry, api_key: str | None, tls: Tls):
        self.retry = retry
        self.url = f"{target.url}/v1/models/{quote(target.model, safe='')}"
        self.url += _version_path(target)
        headers = {"User-Agent": f"keras-resattn/{_version()}"}
        if api_key is not None:
            headers["Authorization"] = f"Bearer {api_key}"
        verify = tls.context() if target.scheme == "https" else True
        self.http = httpx.Client(headers=headers, verify=verify)

    def run(
        self, signature: str, inputs: Inputs, outputs: tuple[str, ...]
    ) -> dict[str, Array]:
        """Run one batch through a signature, as `Transport.run` describes."""
        columns = {name: _to_json(values) for name, values in inputs.items()}
        body = {"signature_name": signature, "inputs": columns}
        url = f"{self.url}:predict"
        answer = self._ask("POST", url, json.dumps(body).encode())
        try:
            return _to_arrays(answer["outputs"], outputs[0])
        except (KeyError, ValueError) as error:
            raise _no_contract(answer, url) from error

    def status(self) -> list[Status]:
        """Return the state of each version, as `Client.status` describes."""
        answer = self._ask("GET", self.url)
        try:
            return [_to_status(version) for version in answer["model_version_status"]]
        except (KeyError, TypeError, ValueError) as error:
            raise _no_contract(answer, self.url) from error

    def close(self) -> None:
        """Close the connection."""
        self.http.close()

    def _ask(self, method: str, url: str, body: bytes | None = None) -> dict[str, Any]:
        return self.retry.call(
            lambda seconds: self._attempt(method, url, body, seconds)
        )

    def _attempt(
        self, method: str, url: str, body: bytes | None, seconds: float
    ) -> dict[str, Any]:
        try:
            response = self._send(method, url, body, seconds)
        except httpx.TimeoutException as error:
            raise ServerTimeout(url, seconds) from error
        except httpx.TransportError as error:
            if _is_caused_by(error, ssl.SSLError):
                raise ServerNotTrusted(url, error) from error
            unreachable = ServerUnreachable(url, error)
            refused = _is_caused_by(error, ConnectionRefusedError)
            if refused or isinstance(error, BROKEN):
                raise Passing(unreachable) from error
            raise unreachable from error
        if response.status_code in PASSING or _is_of_ray(response):
            wait = retry_after(response.headers.get("Retry-After"))
            raise Passing(_server_error(response, url), wait)
        if response.status_code != 200:
            raise _server_error(response, url)
        return _answer(response, url)

    def _send(
        self, method: str, url: str, body: bytes | None, seconds: float
    ) -> httpx.Response:
        """Read the answer in parts, because httpx limits only the time per part."""
        end = time.monotonic() + seconds
        headers = {"Content-Type": "application/json"} if body else {}
        request = self.http.build_request(
            method, url, content=body, headers=headers, timeout=seconds
        )
        response = self.http.send(request, stream=True)
        try:
            content = bytearray()
            for part in response.iter_bytes():
                content += part
                if time.monotonic() > end:
                    raise ServerTimeout(url, seconds)
        except httpx.DecodingError as error:
            message = f"The answer cannot be decompressed: {error}"
            raise ServerError(response.status_code, message, url) from error
        finally:
            response.close()
        return httpx.Response(
            response.status_code,
            headers=_plain(response.headers),
            content=bytes(content),
        )


def _version() -> str:
    try:
        return importlib.metadata.version("keras-resattn")
    except importlib.metadata.PackageNotFoundError:  # copied instead of installed
        return "unknown"


def _version_path(target: Target) -> str:
    if target.version is not None:
        return f"/versions/{target.version}"
    if target.label is not None:
        return f"/labels/{quote(target.label, safe='')}"
    return ""


def _to_json(values: Array | list[bytes]) -> object:
    if isinstance(values, np.ndarray):
        return values.tolist()
    return [{"b64": base64.b64encode(value).decode()} for value in values]


def _to_arrays(found: object, single: str) -> dict[str, Array]:
    """Return the arrays of the outputs. A single output has no name in the answer."""
    if not isinstance(found, dict):
        found = {single: found}
    return {name: _to_array(value) for name, value in found.items()}


def _to_array(value: object) -> Array:
    """Return the array of a JSON value. Strings stay objects."""
    if not isinstance(value, list):
        raise ValueError("A value of a batch is a list.")
    array = np.array(value)
    if array.dtype.kind in "fiu":
        return array.astype(np.float32)
    return array.astype(object)


def _plain(headers: httpx.Headers) -> list[tuple[str, str]]:
    """Drop the headers about an encoding, because the content is decoded."""
    return [
        (name, value)
        for name, value in headers.items()
        if name not in ("content-encoding", "content-length", "transfer-encoding")
    ]


def _answer(response: httpx.Response, url: str) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError as error:
        message = f"The answer is not JSON: {response.text[:200]}"
        raise ServerError(200, message, url) from error
    if not isinstance(answer, dict):
        message = f"The answer is not a JSON object: {response.text[:200]}"
        raise ServerError(200, message, url)
    return answer


def _to_status(version: dict[str, Any]) -> Status:
    return {
        "version": int(version["version"]),
        "state": version["state"],
        "error_code": version["status"]["error_code"],
        "error_message": version["status"]["error_message"],
    }


def _no_contract(answer: dict[str, Any], url: str) -> ServerError:
    message = f"The answer is not that of TensorFlow Serving: {str(answer)[:200]}"
    return ServerError(200, message, url)


def _is_of_ray(response: httpx.Response) -> bool:
    """Return whether Ray answers because the replica with the request has ended."""
    return response.status_code == 500 and response.text == "Internal Server Error"


def _server_error(response: httpx.Response, url: str) -> ServerError:
    """Return the error of a server, or of a gateway with another form of errors."""
    if response.is_redirect:
        place = response.headers.get("Location")
        message = f"It redirects to {place}. Give the address of that server."
        return ServerError(response.status_code, message, url)
    found: object = None
    with contextlib.suppress(ValueError, KeyError, TypeError):
        found = response.json()["error"]
        found = found["message"] if isinstance(found, dict) else found
    message = found if isinstance(found, str) else response.text[:200]
    return ServerError(response.status_code, message, url)


def _is_caused_by(error: BaseException | None, kind: type[Exception]) -> bool:
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False
