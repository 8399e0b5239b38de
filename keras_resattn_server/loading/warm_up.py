"""Warm a model up: replay the requests in its folder when it is loaded."""

from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from keras_resattn_server.models.servable import Servable
from keras_resattn_server.requests.classification import CLASSIFY
from keras_resattn_server.requests.classification import REGRESS
from keras_resattn_server.requests.classification import Task
from keras_resattn_server.requests.classification import example_inputs
from keras_resattn_server.requests.messages import read_input
from keras_resattn_server.requests.messages import read_predict
from keras_resattn_server.wire.status import ServingError

WARM_UP_FILE = Path("assets.extra", "tf_serving_warmup_requests")
MAX_RECORDS = 1000

_TASKS: dict[str, Task[Any]] = {"classify_log": CLASSIFY, "regress_log": REGRESS}
_MAX_TENSOR_BYTES = 2**31 - 1


def warm_up(servable: Servable, folder: Path) -> None:
    """Replay the warm-up requests of a version, if it has any.

    Args:
        servable: The version, not yet available.
        folder: Its folder, with the requests in
            `assets.extra/tf_serving_warmup_requests`: a TFRecord of `PredictionLog`.

    Raises:
        ServingError: If a record is invalid or fails, or there are too many.
    """
    path = folder / WARM_UP_FILE
    if not path.exists():
        return
    try:
        for index, record in enumerate(tf.data.TFRecordDataset(str(path))):
            if index >= MAX_RECORDS:
                raise ServingError(
                    f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at "
                    f"{path.name}"
                )
            _replay(servable, record.numpy())
    except tf.errors.DataLossError as error:
        raise ServingError(
            f"{error.message}. Please verify your warmup data is in TFRecord format.",
            "DATA_LOSS",
        ) from error


def _replay(servable: Servable, record: bytes) -> None:
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise ServingError(f"Failed to parse warmup record: {record!r:.100}") from error
    kind = log.WhichOneof("log_type")
    if kind is None:
        return
    request = getattr(log, kind).request
    name = request.model_spec.signature_name if hasattr(request, "model_spec") else ""
    if kind == "predict_log":
        arrays, _ = read_predict(request, servable, _MAX_TENSOR_BYTES)
    elif task := _TASKS.get(kind):
        arrays = example_inputs(servable, name, task, read_input(request.input))
    else:
        message = f"Unsupported log_type for warmup: {kind}"
        raise ServingError(message, "UNIMPLEMENTED")
    servable.run(name, arrays)
