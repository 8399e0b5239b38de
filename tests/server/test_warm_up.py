"""The requests that a version brings along, replayed before it serves."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from keras_resattn_server.loading import loader as loader_module

from .loading import available
from .loading import poll_twice
from .loading import status
from .loading import warm_up_file
from .small_models import publish


def write_warm_up(folder, *logs):
    with tf.io.TFRecordWriter(str(warm_up_file(folder))) as writer:
        for log in logs:
            writer.write(log.SerializeToString())


def predict_log(x):
    log = PredictionLog()
    inputs = log.predict_log.request.inputs
    inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32(x)))
    return log


def test_the_warm_up_requests_are_replayed_before_a_version_serves(
    loader, folder, times, monkeypatch
):
    logs = [predict_log([1]), PredictionLog(), PredictionLog(), PredictionLog()]
    for log, task in (
        (logs[1].classify_log, "classify"),
        (logs[2].regress_log, "regress"),
    ):
        log.request.model_spec.signature_name = task
        features = log.request.input.example_list.examples.add().features
        features.feature["x"].float_list.value.append(1)
    replayed = []
    run = loader_module.Servable.run

    def watched(self, signature_name, arrays):
        replayed.append(signature_name)
        assert available(loader) == [1]
        return run(self, signature_name, arrays)

    monkeypatch.setattr(loader_module.Servable, "run", watched)
    write_warm_up(publish(times[2], folder / "2"), *logs)
    poll_twice(loader)
    assert replayed == ["", "classify", "regress"]
    assert available(loader) == [2]


def session_log():
    log = PredictionLog()
    log.session_run_log.SetInParent()
    return log


@pytest.mark.parametrize(
    "logs, code, message",
    [
        ([predict_log([[1]])], "INVALID_ARGUMENT", "does not fit the signature"),
        ([session_log()], "UNIMPLEMENTED", "Unsupported log_type for warmup"),
        ([PredictionLog()] * 1001, "INVALID_ARGUMENT", "exceeds the maximum (1000)"),
    ],
    ids=["bad request", "session run", "too many"],
)
def test_a_bad_warm_up_record_fails_the_load(
    loader, folder, times, logs, code, message
):
    write_warm_up(publish(times[2], folder / "2"), *logs)
    poll_twice(loader)
    found = status(loader, 2)
    assert (found.state, found.code) == ("END", code)
    assert message in found.message
    assert available(loader) == [1]
