"""The address of a server and the model in it."""

import dataclasses
import re
import ssl
from pathlib import Path
from urllib.parse import SplitResult
from urllib.parse import unquote
from urllib.parse import urlsplit

from keras_resattn_client.typing import StrPath

_DIRECTORY = "/v1/models/"
# The last parts of other URLs of a server.
_NO_PREFIXES = ("v1", "models", "healthz", "readyz", "docs", "openapi.json", "metrics")


@dataclasses.dataclass(frozen=True)
class Target:
    """The address of a server and a model in it.

    Args:
        scheme: `"http"`, `"https"`, `"grpc"` or `"grpcs"`.
        address: `host:port`. For REST with the path before `/v1`, if any.
        model: The model's name.
        version: The version's number. None is the highest one.
        label: The label of a version, instead of `version`.
    """

    scheme: str
    address: str
    model: str
    version: int | None = None
    label: str | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.address}"

    @property
    def is_rest(self) -> bool:
        return self.scheme in ("http", "https")


@dataclasses.dataclass(frozen=True)
class Tls:
    """The PEM files of an encrypted connection.

    Args:
        authorities: The trusted certificates. None is those of the system.
        certificate: The client's own certificate, if the server requires one.
        key: Its private key.
    """

    authorities: StrPath | None = None
    certificate: StrPath | None = None
    key: StrPath | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError(
                "Give the client's certificate and its key together. Received: "
                f"certificate={self.certificate}, key={self.key}"
            )
        for path in (self.authorities, self.certificate, self.key):
            if path is not None and not Path(path).is_file():
                raise FileNotFoundError(
                    f"The file does not exist. Give a PEM file. Received: {path}"
                )

    def context(self) -> ssl.SSLContext:
        """Return the SSL context for httpx.

        Raises:
            ValueError: If a file has no certificate or key, or they do not belong
                together.
        """
        try:
            context = ssl.create_default_context(cafile=self.authorities)
        except ssl.SSLError as error:
            raise ValueError(
                f"This file has no certificate in PEM form ({_reason(error)}). Give "
                f"the certificate of the authority. Received: {self.authorities}"
            ) from error
        if self.certificate is None:
            return context
        try:
            context.load_cert_chain(self.certificate, self.key)
        except ssl.SSLError as error:
            raise ValueError(
                f"These files are not a certificate and its key ({_reason(error)}). "
                "Give both in PEM form. Received: "
                f"certificate={self.certificate}, key={self.key}"
            ) from error
        return context

    def contents(self) -> list[bytes | None]:
        """Return the contents for gRPC: authorities, key, certificate."""
        paths = (self.authorities, self.key, self.certificate)
        return [None if path is None else Path(path).read_bytes() for path in paths]


def parse_target(
    target: str,
    model: str | None = None,
    version: int | None = None,
    label: str | None = None,
) -> Target:
    """Read a server's address, or the whole URL of a model.

    Args:
        target: `http://host:8501`, `https://...`, `grpc://host:8500`, `grpcs://...`
            or `host:8500`. For REST also with `/v1/models/NAME`, and with
            `/versions/N` or `/labels/L` after it.
        model: The model's name, if it is not in `target`.
        version: The version's number.
        label: The label of a version.

    Returns:
        A `Target`.

    Raises:
        ValueError: If it is not such an address, or the model's name is missing.
    """
    parts = _split(target)
    path, _, name = parts.path.partition(_DIRECTORY)
    last = path.rstrip("/").rpartition("/")[2]
    if parts.query or parts.fragment or last in _NO_PREFIXES:
        raise ValueError(
            "Give only the address of the server, such as http://127.0.0.1:8501, or "
            "the URL of a model, such as http://127.0.0.1:8501/v1/models/NAME. The "
            f"client adds the rest. Received: {target}"
        )
    if name:
        name, version, label = _read_model(target, name, version, label)
        if model not in (None, name):
            raise ValueError(
                "The address has another model. Leave one of them out. "
                f"Received: {target} and model={model!r}"
            )
        model = name
    if not model:
        raise ValueError(
            "The model is missing. Give its name (in Python model=NAME, in commands "
            "--model NAME), or its URL, such as "
            f"http://127.0.0.1:8501/v1/models/NAME. Received: {target}"
        )
    if version is not None and label is not None:
        raise ValueError(
            "Give a version or a label, not both. "
            f"Received: version={version}, label={label!r}"
        )
    return Target(parts.scheme, parts.netloc + path.rstrip("/"), model, version, label)


def check_encryption(target: Target, tls: Tls) -> None:
    """Raise a `ValueError` if files of TLS are given for a connection without it."""
    if target.scheme == "http" and tls != Tls():
        raise ValueError(
            "Certificates are used only by an encrypted connection. Begin the address "
            f"with https://, or leave them out. Received: {target.url}"
        )


def _split(target: str) -> SplitResult:
    try:
        parts = urlsplit(target if "://" in target else f"grpc://{target}")
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError as error:  # such as a port above 65535
        raise _no_address(target) from error
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "The address has a user's name or a password, which are not sent. Leave "
            "them out. If the server requires an API key, set KERAS_RESATTN_API_KEY. "
            f"Received: {parts.scheme}://...@{parts.netloc.rpartition('@')[2]}"
        )
    known = parts.scheme in ("http", "https", "grpc", "grpcs")
    needs_port = parts.scheme in ("grpc", "grpcs")
    if not known or not parts.hostname or (needs_port and (not port or parts.path)):
        raise _no_address(target)
    return parts


def _no_address(target: str) -> ValueError:
    # A password is not shown.
    target = re.sub(r"(^|://).*@", r"\1...@", target)
    return ValueError(
        "This is not the address of a server. Give http://HOST:8501 for REST or "
        f"grpc://HOST:8500 for gRPC. Received: {target}"
    )


def _reason(error: ssl.SSLError) -> str:
    """Return the reason in words, such as "no certificate or crl found"."""
    return (error.reason or str(error)).replace("_", " ").lower()


def _read_model(
    target: str, path: str, version: int | None, label: str | None
) -> tuple[str, int | None, str | None]:
    path, colon, verb = path.partition(":")
    if colon:
        raise ValueError(
            f"Leave out :{verb}; the client adds it. Give "
            f"{target[: target.rindex(colon + verb)]}. Received: {target}"
        )
    name, *rest = path.rstrip("/").split("/")
    match rest:
        case []:
            return unquote(name), version, label
        case ["versions", number] if number.isdecimal():
            return unquote(name), int(number), label
        case ["labels", text]:
            return unquote(name), version, unquote(text)
    raise ValueError(
        "The URL of a model is /v1/models/NAME, also with /versions/N or /labels/L. "
        f"Leave out the rest. Received: {target}"
    )
