"""The client of a served model."""

import dataclasses
import importlib
import os
from pathlib import Path

import numpy as np

from keras_resattn_client import contract
from keras_resattn_client.images import input_batches
from keras_resattn_client.retry import Retry
from keras_resattn_client.target import Tls
from keras_resattn_client.target import parse_target


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What the model says of N images.

    Args:
        probabilities: float32 `(N, classes)`, in the order of the classes.
        top_k_labels: Strings `(N, k)`: the most probable classes, best first.
        top_k_probabilities: float32 `(N, k)`, theirs.
    """

    probabilities: np.ndarray
    top_k_labels: np.ndarray
    top_k_probabilities: np.ndarray

    def __len__(self) -> int:
        return len(self.probabilities)


class Client:
    """Asks a model behind TensorFlow Serving or `keras-resattn serve`.

    Requests that fail in passing are repeated: HTTP 429 and 503, gRPC's
    UNAVAILABLE and RESOURCE_EXHAUSTED, and refused connections. The waits between
    double, differ between clients, and obey the server's `Retry-After`.

    Example:

    >>> client = Client("http://127.0.0.1:8501", model="demo")
    >>> prediction = client.predict(["cat.jpg", "dog.png"])
    >>> prediction.top_k_labels[0, 0]
    'cat'

    Args:
        target: `http://host:8501` or `https://...` for REST, `grpc://host:8500`,
            `grpcs://...` (encrypted) or `host:8500` for gRPC. For REST it may be
            the model's URL, too, as in `http://127.0.0.1:8501/v1/models/demo`.
        model: The model's name, if `target` does not tell it.
        version: Integer, the version to ask; by default the one that is served.
        label: The label of a version, in place of `version`.
        signature: The signature that `predict` asks.
        timeout: Seconds that one attempt at a batch may take.
        deadline: Seconds that all attempts at a batch may take, waits included.
        retries: How many more attempts to make after the first one.
        batch_size: How many images to send at a time; fewer if they are large.
        api_key: Sent as `Authorization: Bearer KEY`. By default the environment
            variable `KERAS_RESATTN_API_KEY`, if there is one.
        ca_certificates: Path of a PEM file of the authorities to trust, by default
            those of the system.
        certificate: Path of the client's own certificate (PEM), if the server wants
            one.
        key: Path of its private key (PEM).

    Raises:
        ValueError: If `target` is no address or names no model.
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
        ca_certificates: str | Path | None = None,
        certificate: str | Path | None = None,
        key: str | Path | None = None,
    ):
        if batch_size < 1:
            raise ValueError(
                f"A batch holds one image or more. Received: batch_size={batch_size}"
            )
        self.target = parse_target(target, model, version, label)
        self.signature = signature
        self.batch_size = batch_size
        if api_key is None:
            api_key = os.environ.get("KERAS_RESATTN_API_KEY")
        self._transport = _transport(self.target.is_rest)(
            self.target,
            Retry(retries, timeout, deadline),
            api_key,
            Tls(ca_certificates, certificate, key),
        )

    def predict(self, images) -> Prediction:
        """Classify images.

        Args:
            images: A path, a file's bytes, a Pillow image, a uint8 array
                `(h, w, channels)`, or a sequence of them; or a float array `(N, h, w, channels)`, 0 to 255.

        Returns:
            A `Prediction`.

        Raises:
            ServerError: If the server refuses; an unreadable image is one reason.
            ServerUnreachable: If nothing answers there.
            ServerTimeout: If the answer takes longer than `timeout`.
            FileNotFoundError: If a file is missing.
        """
        outputs = self._run(self.signature, images, (contract.PROBABILITIES,))
        labels = np.vectorize(_text, otypes=[object])(outputs[contract.TOP_K_LABELS])
        return Prediction(
            outputs[contract.PROBABILITIES],
            labels,
            outputs[contract.TOP_K_PROBABILITIES],
        )

    def masks(self, images) -> dict[str, np.ndarray]:
        """Return the attention masks, their mean over the channels.

        Args:
            images: As for `predict`, but for float arrays.

        Returns:
            A float32 array `(N, h, w)`, 0 to 1, for each attention module, such as
            `"stage1_attention1"`.
        """
        outputs = self._run(contract.ATTENTION, images, (contract.PROBABILITIES,))
        return {
            name.removesuffix(contract.MASK_SUFFIX): mask
            for name, mask in sorted(outputs.items())
            if name.endswith(contract.MASK_SUFFIX)
        }

    def embed(self, images) -> np.ndarray:
        """Return the pooled features before the classifier.

        Args:
            images: As for `predict`, but for float arrays.

        Returns:
            A float32 array `(N, features)`.
        """
        outputs = self._run(contract.EMBED, images, (contract.EMBEDDING,))
        return outputs[contract.EMBEDDING]

    def status(self) -> list[dict]:
        """Return the state of each version of the model.

        Returns:
            For each version a dictionary of `version` (integer), `state` (such as
            `"AVAILABLE"`), `error_code` (such as `"OK"`) and `error_message`.
        """
        return self._transport.status()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _run(self, signature, images, outputs):
        batches = []
        for inputs in input_batches(images, self.batch_size):
            name = signature
            if contract.IMAGES in inputs:
                name = _signature_of_pixels(signature)
            batches.append(self._transport.run(name, inputs, outputs))
        names = batches[0]
        return {name: np.concatenate([b[name] for b in batches]) for name in names}


def _signature_of_pixels(signature):
    """Floats are no file; one signature takes them."""
    if signature not in (contract.SERVING_DEFAULT, contract.PREDICT_IMAGES):
        raise TypeError(
            f"The signature {signature} takes images' bytes; give paths, bytes or "
            "uint8 arrays. Received: an array of floats"
        )
    return contract.PREDICT_IMAGES


def _text(label):
    return label.decode() if isinstance(label, bytes) else label


def _transport(is_rest):
    """Only one of the two libraries is needed."""
    module, name = (
        ("rest", "RestTransport") if is_rest else ("grpc_transport", "GrpcTransport")
    )
    try:
        return getattr(importlib.import_module(f"keras_resattn_client.{module}"), name)
    except ImportError as error:
        raise ImportError(
            'The client needs httpx and grpcio: pip install "keras-resattn[client]". '
            f"Received: {error}"
        ) from error
