"""The client of a served model."""

import dataclasses
import os

import numpy as np

from keras_resattn_client import contract
from keras_resattn_client.errors import ServerError
from keras_resattn_client.extras import require_extra
from keras_resattn_client.images import input_batches
from keras_resattn_client.retry import Retry
from keras_resattn_client.target import Target
from keras_resattn_client.target import Tls
from keras_resattn_client.target import check_encryption
from keras_resattn_client.target import parse_target
from keras_resattn_client.transport import Status
from keras_resattn_client.transport import Transport
from keras_resattn_client.typing import Array
from keras_resattn_client.typing import StrPath

_OUTPUTS_OF_PREDICT = {
    contract.PROBABILITIES,
    contract.TOP_K_LABELS,
    contract.TOP_K_PROBABILITIES,
}


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The model's answer for N images.

    Args:
        probabilities: float32 `(N, classes)`, in the order of the classes.
        top_k_labels: Strings `(N, k)`: the most probable classes, best first.
        top_k_probabilities: float32 `(N, k)`: their probabilities.
    """

    probabilities: Array
    top_k_labels: Array
    top_k_probabilities: Array

    def __len__(self) -> int:
        return len(self.probabilities)


class Client:
    """Send images to a model behind TensorFlow Serving or `keras-resattn serve`.

    Requests are repeated after temporary failures: HTTP 429 and 503, gRPC's
    UNAVAILABLE and RESOURCE_EXHAUSTED, and refused or broken connections. The waits
    double, are randomized, and follow the server's `Retry-After`.

    Example:

    >>> client = Client("http://127.0.0.1:8501", model="demo")
    >>> prediction = client.predict(["cat.jpg", "dog.png"])
    >>> prediction.top_k_labels[0, 0]
    'cat'

    Args:
        target: `http://host:8501` or `https://...` for REST, `grpc://host:8500`,
            `grpcs://...` (encrypted) or `host:8500` for gRPC. For REST it may also be
            the model's URL, such as `http://127.0.0.1:8501/v1/models/demo`.
        model: The model's name, if it is not in `target`.
        version: Integer, the model's version. Defaults to the highest one.
        label: The label of a version, instead of `version`.
        signature: The signature that `predict` runs.
        timeout: Seconds for one attempt at a batch.
        deadline: Seconds for all attempts at a batch, including the waits.
        retries: The number of further attempts after the first one.
        batch_size: Images per request; fewer if they are large.
        api_key: Sent as `Authorization: Bearer KEY`. Defaults to the environment
            variable `KERAS_RESATTN_API_KEY`, if it is set.
        ca_certificates: Path of a PEM file with the trusted authorities. Defaults to
            those of the system.
        certificate: Path of the client's own certificate (PEM), if the server
            requires one.
        key: Path of its private key (PEM).

    Raises:
        ValueError: If `target` is not an address or has no model, the API key cannot
            be sent, a PEM file is not one, or PEM files are given with `http`.
        FileNotFoundError: If a PEM file does not exist.
        ImportError: If httpx (REST) or grpcio (gRPC) is not installed.
    """

    def __init__(
        self,
        target: str,
        model: str | None = None,
        version: int | None = None,
        label: str | None = None,
        *,
        signature: str = contract.SERVING_DEFAULT,
        timeout: float = 30.0,
        deadline: float = 120.0,
        retries: int = 4,
        batch_size: int = 32,
        api_key: str | None = None,
        ca_certificates: StrPath | None = None,
        certificate: StrPath | None = None,
        key: StrPath | None = None,
    ):
        if batch_size < 1:
            raise ValueError(
                f"batch_size must be 1 or more. Received: batch_size={batch_size}"
            )
        self.target = parse_target(target, model, version, label)
        self.signature = signature
        self.batch_size = batch_size
        if api_key is None:
            api_key = os.environ.get("KERAS_RESATTN_API_KEY")
        tls = Tls(ca_certificates, certificate, key)
        check_encryption(self.target, tls)
        self._transport = _transport(
            self.target,
            Retry(retries, timeout, deadline),
            _checked_key(api_key),
            tls,
        )

    def predict(self, images: object) -> Prediction:
        """Classify images.

        Args:
            images: A path, a file's bytes, a Pillow image, a uint8 array
                `(h, w, channels)`, or a sequence of them; or a float array
                `(N, h, w, channels)`, 0 to 255.

        Returns:
            A `Prediction`.

        Raises:
            ServerError: If the server refuses the request, for example because an
                image is not readable.
            ServerUnreachable: If there is no server at the address.
            ServerNotTrusted: If the TLS connection fails.
            ServerTimeout: If the answer takes longer than `timeout`.
            FileNotFoundError: If a file does not exist.
            ValueError: If `signature` does not classify.
        """
        outputs = self._run(self.signature, images, (contract.PROBABILITIES,))
        if not outputs.keys() >= _OUTPUTS_OF_PREDICT:
            raise ValueError(
                "This signature does not classify. Use `embed` or `masks`, or a Client "
                f"with signature={contract.SERVING_DEFAULT!r}. Received: "
                f"signature={self.signature!r}"
            )
        labels = np.vectorize(_text, otypes=[object])(outputs[contract.TOP_K_LABELS])
        return Prediction(
            outputs[contract.PROBABILITIES],
            labels,
            outputs[contract.TOP_K_PROBABILITIES],
        )

    def masks(self, images: object) -> dict[str, Array]:
        """Return the attention masks, averaged over their channels.

        Args:
            images: As for `predict`, except float arrays.

        Returns:
            A float32 array `(N, h, w)`, 0 to 1, per attention module, such as
            `"stage1_attention1"`.
        """
        outputs = self._run(contract.ATTENTION, images, (contract.PROBABILITIES,))
        return {
            name.removesuffix(contract.MASK_SUFFIX): mask
            for name, mask in sorted(outputs.items())
            if name.endswith(contract.MASK_SUFFIX)
        }

    def embed(self, images: object) -> Array:
        """Return the pooled features before the classifier.

        Args:
            images: As for `predict`, except float arrays.

        Returns:
            A float32 array `(N, features)`.

        Raises:
            ValueError: If the model's signature has no such output.
        """
        outputs = self._run(contract.EMBED, images, (contract.EMBEDDING,))
        if contract.EMBEDDING not in outputs:
            raise ValueError(
                f"The signature {contract.EMBED!r} of this model has no output "
                f"{contract.EMBEDDING!r}. Export the model by `keras-resattn export`. "
                f"Received: {', '.join(outputs) or 'no outputs'}"
            )
        return outputs[contract.EMBEDDING]

    def status(self) -> list[Status]:
        """Return the state of each version of the model.

        Returns:
            A dictionary per version with `version` (integer), `state` (such as
            `"AVAILABLE"`), `error_code` (such as `"OK"`) and `error_message`.
        """
        return self._transport.status()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(
        self, signature: str, images: object, outputs: tuple[str, ...]
    ) -> dict[str, Array]:
        batches = []
        for inputs, image_names in input_batches(
            images, self.batch_size, self._transport.bytes_per_float
        ):
            name = signature
            if contract.IMAGES in inputs:
                name = _signature_of_pixels(signature)
            try:
                batches.append(self._transport.run(name, inputs, outputs))
            except ServerError as error:
                raise error.with_image(image_names) from error
        names = batches[0]
        return {name: np.concatenate([b[name] for b in batches]) for name in names}


def _signature_of_pixels(signature: str) -> str:
    """Return the signature that takes float arrays."""
    if signature not in (contract.SERVING_DEFAULT, contract.PREDICT_IMAGES):
        raise TypeError(
            f"The signature {signature} takes the bytes of image files. Give paths, "
            "bytes or uint8 arrays. Received: an array of floats"
        )
    return contract.PREDICT_IMAGES


def _text(label: str | bytes) -> str:
    return label.decode() if isinstance(label, bytes) else label


def _checked_key(key: str | None) -> str | None:
    """Return an API key without spaces and line breaks around it, or `None` for ""."""
    key = (key or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ValueError(
            "An API key must be printable ASCII characters, because it is sent in a "
            "header. Correct KERAS_RESATTN_API_KEY, or api_key. Received: a key of "
            f"{len(key)} characters with others among them"
        )
    return key or None


def _transport(
    target: Target, retry: Retry, api_key: str | None, tls: Tls
) -> Transport:
    """Import only the library of the target's protocol."""
    if target.is_rest:
        require_extra("client", "The client over REST", ("httpx",))
        from keras_resattn_client.rest import RestTransport

        return RestTransport(target, retry, api_key, tls)
    require_extra("client", "The client over gRPC", ("grpc",))
    from keras_resattn_client.grpc_transport import GrpcTransport

    return GrpcTransport(target, retry, api_key, tls)
