"""Requests that a server replays when it loads a model, so that the first is fast."""

from collections.abc import Iterable
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from keras_resattn.export import contract
from keras_resattn.typing import Array
from keras_resattn_client.extras import require_extra

# The name of a signature and its inputs.
Request = tuple[str, dict[str, Any]]


def can_write_warmup() -> bool:
    """Return whether the messages of TensorFlow Serving are installed."""
    try:
        _prediction_log()
    except ImportError:
        return False
    return True


def check_can_write_warmup() -> None:
    """Raise an `ImportError` if the messages are not installed."""
    require_extra("serve", "Writing warm-up requests", ("tensorflow_serving",))


def write_warmup(path: Path, name: str, requests: Sequence[Request]) -> int:
    """Write warm-up requests as TensorFlow Serving reads them.

    Args:
        path: The folder of the SavedModel.
        name: String, the name that the server gives the model.
        requests: A list of tuples: the name of a signature, and a dictionary of its
            inputs, which are arrays.

    Returns:
        The number of requests.
    """
    file = path / contract.WARMUP
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for signature, inputs in requests:
            log = _log(name, signature, inputs)
            writer.write(log.SerializeToString())
    return len(requests)


def read_warmup(path: Path) -> list[Request]:
    """Return the warm-up requests of a SavedModel in the form of `write_warmup`."""
    records = tf.data.TFRecordDataset(str(path / contract.WARMUP))
    parse = _prediction_log().FromString
    return [_request(parse(record)) for record in records.as_numpy_iterator()]


def requests_for(
    image_bytes: Sequence[bytes], pixels: Array, signatures: Iterable[str]
) -> list[Request]:
    """Return a request for each signature.

    Args:
        image_bytes: A list of bytes, encoded images.
        pixels: A float32 array `(N, H, W, C)`.
        signatures: The names of signatures.
    """
    inputs: dict[str, dict[str, Any]] = {
        contract.PREDICT_IMAGES: {contract.IMAGES: pixels},
        contract.CLASSIFY: {
            contract.EXAMPLES: [serialized_example(item) for item in image_bytes]
        },
    }
    by_bytes = {contract.IMAGE_BYTES: image_bytes}
    return [(name, inputs.get(name, by_bytes)) for name in signatures]


def serialized_example(image_bytes: bytes) -> bytes:
    """Return the serialized `tf.Example` of an image for the classify signature."""
    value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[image_bytes]))
    features = tf.train.Features(feature={contract.IMAGE_BYTES: value})
    return tf.train.Example(features=features).SerializeToString()


def _log(name: str, signature: str, inputs: dict[str, Any]) -> Any:
    log = _prediction_log()()
    if signature == contract.CLASSIFY:
        request = log.classify_log.request
        for item in inputs[contract.EXAMPLES]:
            request.input.example_list.examples.add().ParseFromString(item)
    else:
        request = log.predict_log.request
        for key, value in inputs.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    return log


def _request(log: Any) -> Request:
    if log.HasField("classify_log"):
        request = log.classify_log.request
        examples = request.input.example_list.examples
        inputs = {contract.EXAMPLES: [item.SerializeToString() for item in examples]}
    else:
        request = log.predict_log.request
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
    return request.model_spec.signature_name, inputs


def _prediction_log() -> Any:
    from tensorflow_serving.apis import prediction_log_pb2

    return prediction_log_pb2.PredictionLog
