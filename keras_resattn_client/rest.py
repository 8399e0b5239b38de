"""The client's side of TensorFlow Serving's REST interface."""

import base64
import importlib.metadata
import json
import time
from urllib.parse import quote

import httpx
import numpy as np

from keras_resattn_client.errors import ServerError
from keras_resattn_client.errors import ServerTimeout
from keras_resattn_client.errors import ServerUnreachable
from keras_resattn_client.retry import Passing
from keras_resattn_client.retry import Retry
from keras_resattn_client.retry import retry_after
from keras_resattn_client.target import Target
from keras_resattn_client.target import Tls

# Too many requests; unavailable.
PASSING = (429, 503)


class RestTransport:
    """Runs signatures by `POST .../v1/models/NAME:predict`.

    Args:
        target: The server and the model.
        retry: How often and how long to try.
        api_key: Sent as `Authorization: Bearer KEY`; None for none.
        tls: The files of an `https` connection.
    """

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
        self,
        signature: str,
        inputs: dict[str, np.ndarray | list[bytes]],
        outputs: tuple[str, ...],
    ) -> dict[str, np.ndarray]:
        """Run one batch through a signature.

        Args:
            signature: Its name.
            inputs: A float32 array or a list of byte strings for each input.
            outputs: The names expected: of a single output the wire names none.

        Returns:
            An array for each output: float32, or an object array of strings.
        """
        columns = {name: _to_json(values) for name, values in inputs.items()}
        body = {"signature_name": signature, "inputs": columns}
        answer = self._ask("POST", f"{self.url}:predict", json.dumps(body).encode())
        found = answer.get("outputs")
        if not isinstance(found, dict):
            found = {outputs[0]: found}
        return {name: _to_array(value) for name, value in found.items()}

    def status(self) -> list[dict]:
        """Return the state of each version, as `Client.status` describes."""
        answer = self._ask("GET", self.url)
        return [
            {
                "version": int(version["version"]),
                "state": version["state"],
                "error_code": version["status"]["error_code"],
                "error_message": version["status"]["error_message"],
            }
            for version in answer["model_version_status"]
        ]

    def close(self) -> None:
        self.http.close()

    def _ask(self, method, url, body=None):
        return self.retry.call(
            lambda seconds: self._attempt(method, url, body, seconds)
        )

    def _attempt(self, method, url, body, seconds):
        try:
            response = self._send(method, url, body, seconds)
        except httpx.TimeoutException as error:
            raise ServerTimeout(url, seconds) from error
        except httpx.TransportError as error:
            unreachable = ServerUnreachable(url, error)
            if _is_refused(error):
                raise Passing(unreachable) from error
            raise unreachable from error
        if response.status_code in PASSING:
            wait = retry_after(response.headers.get("Retry-After"))
            raise Passing(_server_error(response, url), wait)
        if response.status_code != 200:
            raise _server_error(response, url)
        return _answer(response, url)

    def _send(self, method, url, body, seconds):
        """Read by parts: httpx limits the wait for each, not that for all."""
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
    except importlib.metadata.PackageNotFoundError:  # only copied, not installed
        return "unknown"


def _version_path(target):
    if target.version is not None:
        return f"/versions/{target.version}"
    if target.label is not None:
        return f"/labels/{quote(target.label, safe='')}"
    return ""


def _to_json(values):
    if isinstance(values, np.ndarray):
        return values.tolist()
    return [{"b64": base64.b64encode(value).decode()} for value in values]


def _to_array(value):
    """The array of a JSON value; strings stay objects."""
    if isinstance(value, dict):
        value = [value]
    array = np.array(value)
    if array.dtype.kind in "fiu":
        return array.astype(np.float32)
    return array.astype(object)


def _plain(headers):
    """The content has been decoded: drop what says that it is encoded."""
    return [
        (name, value)
        for name, value in headers.items()
        if name not in ("content-encoding", "content-length", "transfer-encoding")
    ]


def _answer(response, url):
    try:
        answer = response.json()
    except ValueError as error:
        raise ServerError(200, f"no JSON: {response.text[:200]}", url) from error
    if not isinstance(answer, dict):
        raise ServerError(200, f"no JSON object: {response.text[:200]}", url)
    return answer


def _server_error(response, url):
    try:
        message = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        message = response.text[:200]
    return ServerError(response.status_code, message, url)


def _is_refused(error):
    while error is not None:
        if isinstance(error, ConnectionRefusedError):
            return True
        error = error.__cause__ or error.__context__
    return False
