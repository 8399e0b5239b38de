"""Where the server is and which of its models is asked."""

import dataclasses
import ssl
from pathlib import Path
from urllib.parse import unquote
from urllib.parse import urlsplit

_DIRECTORY = "/v1/models/"


@dataclasses.dataclass(frozen=True)
class Target:
    """A server's address and a model of it.

    Args:
        scheme: `"http"`, `"https"`, `"grpc"` or `"grpcs"`.
        address: `host:port`; for REST with the path before `/v1`, if any.
        model: The model's name.
        version: The version's number; None for the one that is served.
        label: The label of a version, in place of `version`.
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
    """The files of an encrypted connection, all in PEM.

    Args:
        authorities: The certificates to trust; None for those of the system.
        certificate: The client's own certificate, where the server wants one.
        key: Its private key.
    """

    authorities: str | Path | None = None
    certificate: str | Path | None = None
    key: str | Path | None = None

    def __post_init__(self):
        if (self.certificate is None) != (self.key is None):
            raise ValueError(
                "Give the client's certificate and its key together. Received: "
                f"certificate={self.certificate}, key={self.key}"
            )
        for path in (self.authorities, self.certificate, self.key):
            if path is not None and not Path(path).is_file():
                raise FileNotFoundError(
                    f"There is no such file; give one in PEM. Received: {path}"
                )

    def context(self) -> ssl.SSLContext:
        """Return what httpx wants."""
        context = ssl.create_default_context(cafile=self.authorities)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context

    def contents(self) -> list[bytes | None]:
        """Return what gRPC wants: authorities, key, certificate."""
        paths = (self.authorities, self.key, self.certificate)
        return [path and Path(path).read_bytes() for path in paths]


def parse_target(
    target: str,
    model: str | None = None,
    version: int | None = None,
    label: str | None = None,
) -> Target:
    """Read a server's address, or the whole URL of a model.

    Args:
        target: `http://host:8501`, `https://...`, `grpc://host:8500`, `grpcs://...`
            or `host:8500`; for REST also with `/v1/models/NAME` and then
            `/versions/N` or `/labels/L`.
        model: The model's name, where `target` does not tell it.
        version: The version's number.
        label: The label of a version.

    Returns:
        A `Target`.

    Raises:
        ValueError: If it is no such address, or if the model's name is missing.
    """
    parts = _split(target)
    path, _, name = parts.path.partition(_DIRECTORY)
    if name:
        name, version, label = _read_model(target, name, version, label)
        if model not in (None, name):
            raise ValueError(
                "The address names another model; leave one of them out. "
                f"Received: {target} and model={model!r}"
            )
        model = name
    if not model:
        raise ValueError(
            "Say which model, by its name or by its URL, as in "
            f"http://127.0.0.1:8501/v1/models/NAME. Received: {target}"
        )
    if version is not None and label is not None:
        raise ValueError(
            "Give a version or a label, not both. "
            f"Received: version={version}, label={label!r}"
        )
    return Target(parts.scheme, parts.netloc + path.rstrip("/"), model, version, label)


def _split(target):
    parts = urlsplit(target if "://" in target else f"grpc://{target}")
    try:
        port = parts.port
    except ValueError:
        port = None
    known = parts.scheme in ("http", "https", "grpc", "grpcs")
    needs_port = parts.scheme in ("grpc", "grpcs")
    if not known or not parts.hostname or (needs_port and (not port or parts.path)):
        raise ValueError(
            "This is no server's address; give http://HOST:8501 for REST or "
            f"grpc://HOST:8500 for gRPC. Received: {target}"
        )
    return parts


def _read_model(target, path, version, label):
    name, *rest = path.rstrip("/").split("/")
    match rest:
        case []:
            return unquote(name), version, label
        case ["versions", number] if number.isdecimal():
            return unquote(name), int(number), label
        case ["labels", text]:
            return unquote(name), version, unquote(text)
    raise ValueError(
        "Of a model's URL only /v1/models/NAME, /versions/N and /labels/L are known. "
        f"Received: {target}"
    )
