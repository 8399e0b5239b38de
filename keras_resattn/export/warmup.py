"""Requests that a server replays when it loads a model, so that none waits later."""

import tensorflow as tf

from keras_resattn.export import contract

INSTALL = 'pip install "keras-resattn[serve]"'


def can_write_warmup():
    """Return whether the messages of TensorFlow Serving are installed."""
    try:
        _prediction_log()
    except ImportError:
        return False
    return True


def check_can_write_warmup():
    """Raise an `ImportError` if the messages are not installed."""
    if not can_write_warmup():
        raise ImportError(
            "Warm-up requests are written with the messages of "
            f"tensorflow-serving-api; install them: {INSTALL}. Or export without "
            "warm-up requests."
        )


def write_warmup(path, name, requests):
    """Write warm-up requests as TensorFlow Serving reads them.

    Args:
        path: The folder of the SavedModel.
        name: String, the name under which the model is served.
        requests: A list of tuples: the name of a signature and its inputs, a
            dictionary of arrays.

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


def read_warmup(path):
    """Return the warm-up requests of a SavedModel, as `write_warmup` takes them."""
    records = tf.data.TFRecordDataset(str(path / contract.WARMUP))
    parse = _prediction_log().FromString
    return [_request(parse(record)) for record in records.as_numpy_iterator()]


def requests_for(image_bytes, pixels, signatures):
    """Return a request for each signature.

    Args:
        image_bytes: A list of bytes, encoded images.
        pixels: A float32 array `(N, H, W, C)`.
        signatures: The names of signatures.
    """
    inputs = {
        contract.PREDICT_IMAGES: {contract.IMAGES: pixels},
        contract.CLASSIFY: {
            contract.EXAMPLES: [serialized_example(item) for item in image_bytes]
        },
    }
    by_bytes = {contract.IMAGE_BYTES: image_bytes}
    return [(name, inputs.get(name, by_bytes)) for name in signatures]


def serialized_example(image_bytes):
    """Return the serialized `tf.Example` of an image for the classify signature."""
    value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[image_bytes]))
    features = tf.train.Features(feature={contract.IMAGE_BYTES: value})
    return tf.train.Example(features=features).SerializeToString()


def _log(name, signature, inputs):
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


def _request(log):
    if log.HasField("classify_log"):
        request = log.classify_log.request
        examples = request.input.example_list.examples
        inputs = {contract.EXAMPLES: [item.SerializeToString() for item in examples]}
    else:
        request = log.predict_log.request
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
    return request.model_spec.signature_name, inputs


def _prediction_log():
    from tensorflow_serving.apis import prediction_log_pb2

    return prediction_log_pb2.PredictionLog
