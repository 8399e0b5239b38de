"""What the gRPC interface answers beyond the recorded cases, and what it survives."""

import concurrent.futures

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest
from tensorflow_serving.apis.inference_pb2 import MultiInferenceRequest
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub
from tensorflow_serving.apis.regression_pb2 import RegressionRequest

from .conftest import running_server
from .grpc_requests import predict_request
from .small_models import publish


@pytest.fixture
def service(channel):
    return PredictionServiceStub(channel)


@pytest.fixture(autouse=True)
def server_lives_on(service):
    yield
    answer = service.Predict(predict_request("misc", x=np.float32([2])))
    assert answer.model_spec.version.value == 7


@pytest.mark.parametrize(
    "signature, inputs, outputs",
    [
        ("two", {"a": np.float32([[1, 2]]), "b": np.int32([3])}, {"s", "b2"}),
        ("st", {"s": [b"abc", b"\xff"]}, {"out", "out_bytes"}),
        ("boo", {"x": [True, False]}, {"y"}),
        ("i64", {"x": np.int64([2**62])}, {"y"}),
        ("u8", {"x": np.uint8([255])}, {"y"}),
        ("f16", {"x": np.float16([1.5])}, {"y"}),
    ],
)
def test_tensors_of_every_type_come_back(service, signature, inputs, outputs):
    answer = service.Predict(predict_request("misc", signature, **inputs))
    assert answer.outputs.keys() == outputs
    for tensor in answer.outputs.values():
        assert len(tf.make_ndarray(tensor)) == len(next(iter(inputs.values())))
    assert answer.model_spec.signature_name == signature


def test_values_lie_in_the_field_of_their_type(service):
    answer = service.Predict(
        predict_request("clf", image=np.zeros((1, 8, 8, 3), "float32"))
    )
    assert len(answer.outputs["scores"].float_val) == 5


@pytest.mark.parametrize(
    "inputs, message",
    [
        (
            {},
            "input size does not match signature: 0!=1 len({}) != len({x})."
            " Sent extra: {}. Missing but required: {x}.",
        ),
        (
            {"x": [1.0], "z": [1.0]},
            "input size does not match signature: 2!=1 len({x,z}) != len({x})."
            " Sent extra: {z}. Missing but required: {}.",
        ),
    ],
)
def test_other_inputs_than_the_signatures_are_named(service, inputs, message):
    with pytest.raises(grpc.RpcError) as caught:
        service.Predict(predict_request("misc", **inputs))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == message


def test_an_unknown_signature_is_a_failed_precondition(service):
    with pytest.raises(grpc.RpcError) as caught:
        service.Predict(predict_request("misc", "nope", x=[1.0]))
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert caught.value.details() == 'Serving signature key "nope" not found.'


@pytest.mark.parametrize("sizes", [[2**40], [2**62, 2**62], [-1], [3, 3]])
@pytest.mark.parametrize("dtype", [1, 7, 0, 21, 99])
def test_a_malformed_or_swollen_tensor_is_refused(service, sizes, dtype):
    request = predict_request("misc")
    tensor = request.inputs["x"]
    tensor.dtype = dtype
    tensor.float_val.append(1.0)
    for size in sizes:
        tensor.tensor_shape.dim.add(size=size)
    with pytest.raises(grpc.RpcError) as caught:
        service.Predict(request)
    assert caught.value.code() in (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    )


def test_a_message_too_large_is_refused(service):
    with pytest.raises(grpc.RpcError) as caught:
        service.Predict(predict_request("misc", "st", s=[bytes(65 * 2**20)]))
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_server_of_a_folder_takes_no_config_by_request(channel):
    request = ReloadConfigRequest()
    request.config.model_config_list.config.add(name="x", base_path="/")
    with pytest.raises(grpc.RpcError) as caught:
        ModelServiceStub(channel).HandleReloadConfigRequest(request)
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_health_knows_the_server_and_its_services(channel):
    health = health_pb2_grpc.HealthStub(channel)
    for name in ("", "tensorflow.serving.PredictionService"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_concurrent_requests_each_get_their_own_answer(service):
    def double(number):
        request = predict_request(
            "misc", "two", a=np.float32([[0, 0]]), b=np.int32([number])
        )
        return tf.make_ndarray(service.Predict(request).outputs["b2"]).tolist()

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(double, range(40)))
    assert answers == [[2 * number] for number in range(40)]


def examples_request(kind, signature, values, context=None):
    request = kind()
    request.model_spec.name = "times"
    request.model_spec.signature_name = signature
    examples = request.input.example_list.examples
    if context is not None:
        listed = request.input.example_list_with_context
        listed.context.features.feature["x"].float_list.value.append(context)
        examples = listed.examples
    for value in values:
        features = examples.add().features
        if value is not None:
            features.feature["x"].float_list.value.append(value)
    return request


@pytest.fixture(scope="module")
def times_server(times, tmp_path_factory):
    base = tmp_path_factory.mktemp("served")
    publish(times[2], base / "times" / "1")
    with running_server(base) as server:
        yield server


@pytest.fixture(scope="module")
def times_service(times_server):
    with grpc.insecure_channel(times_server.grpc_address) as channel:
        yield PredictionServiceStub(channel)


def test_examples_are_classified_and_regressed(times_service):
    request = examples_request(ClassificationRequest, "classify", [1.0, 3.0])
    rows = times_service.Classify(request).result.classifications
    found = [[(item.label, item.score) for item in row.classes] for row in rows]
    assert found == [[("low", -2), ("high", 2)], [("low", -6), ("high", 6)]]
    request = examples_request(RegressionRequest, "regress", [1.0, 3.0])
    regressions = times_service.Regress(request).result.regressions
    assert [item.value for item in regressions] == [2, 6]


def test_a_context_holds_for_every_example(times_service):
    request = examples_request(RegressionRequest, "regress", [None, 3.0], context=5.0)
    regressions = times_service.Regress(request).result.regressions
    assert [item.value for item in regressions] == [10, 6]


def multi_inference(service, *tasks, values=(1.0, 3.0)):
    request = MultiInferenceRequest()
    for name, signature, method in tasks:
        task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name, task.model_spec.signature_name = name, signature
    for value in values:
        features = request.input.example_list.examples.add().features
        features.feature["x"].float_list.value.append(value)
    return service.MultiInference.future(request, timeout=60)


CLASSIFY_TASK = ("times", "classify", "classify")
REGRESS_TASK = ("times", "regress", "regress")


def test_several_tasks_run_on_the_same_examples(times_service):
    call = multi_inference(times_service, CLASSIFY_TASK, REGRESS_TASK)
    classified, regressed = call.result().results
    rows = classified.classification_result.classifications
    found = [[(item.label, item.score) for item in row.classes] for row in rows]
    assert found == [[("low", -2), ("high", 2)], [("low", -6), ("high", 6)]]
    values = regressed.regression_result.regressions
    assert [item.value for item in values] == [2, 6]
    for result, name in ((classified, "classify"), (regressed, "regress")):
        assert result.model_spec.name == "times"
        assert result.model_spec.version.value == 1
        assert result.model_spec.signature_name == name


@pytest.mark.parametrize(
    "tasks, code, message",
    [
        ([], "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        ([("nope", "", "regress")], "NOT_FOUND", "Servable not found for request"),
        ([REGRESS_TASK, ("", "", "regress")], "INVALID_ARGUMENT", "empty model name"),
        (
            [REGRESS_TASK, ("other", "", "regress")],
            "INVALID_ARGUMENT",
            "must access the same model name",
        ),
        (
            [REGRESS_TASK, REGRESS_TASK],
            "INVALID_ARGUMENT",
            "Duplicate evaluation of signature: regress",
        ),
        (
            [("times", "nope", "regress")],
            "INVALID_ARGUMENT",
            "Requested signature not found in model graph: nope",
        ),
        (
            [("times", "regress", "predict")],
            "UNIMPLEMENTED",
            "Unsupported signature method_name: tensorflow/serving/predict",
        ),
        (
            [("times", "", "classify")],
            "FAILED_PRECONDITION",
            "No classification inputs found in SignatureDef: ",
        ),
    ],
)
def test_tasks_that_do_not_fit_are_refused(times_service, tasks, code, message):
    call = multi_inference(times_service, *tasks)
    assert call.code().name == code
    assert message in call.details()


def test_several_tasks_need_examples(times_service):
    call = multi_inference(times_service, REGRESS_TASK, values=())
    assert call.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert call.details() == "Input is empty."


@pytest.mark.parametrize(
    "method, request_type, signature, values, message",
    [
        ("Classify", ClassificationRequest, "classify", [], "Input is empty."),
        (
            "Classify",
            ClassificationRequest,
            "",
            [1.0],
            "No classification inputs found in SignatureDef: ",
        ),
        (
            "Classify",
            ClassificationRequest,
            "regress",
            [1.0],
            "Expected classification signature outputs to contain at least one of",
        ),
        (
            "Regress",
            RegressionRequest,
            "serving_default",
            [1.0],
            "No regression inputs found in SignatureDef: ",
        ),
        ("Regress", RegressionRequest, "classify", [1.0], "Expected one output Tensor"),
    ],
)
def test_a_signature_for_another_task_is_refused(
    times_service, method, request_type, signature, values, message
):
    request = examples_request(request_type, signature, values)
    with pytest.raises(grpc.RpcError, match=message):
        getattr(times_service, method)(request)


def test_a_shape_of_many_sizes_is_refused(service):
    # Their product would have millions of digits.
    shape = tf.TensorShape([2**63 - 1] * 100_000).as_proto()
    request = predict_request("misc", "", x=[1.0])
    request.inputs["x"].tensor_shape.CopyFrom(shape)
    with pytest.raises(grpc.RpcError, match="tensor parsing error: x"):
        service.Predict(request, timeout=60)


def test_long_names_are_refused_by_the_health_service(channel):
    health = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service="x" * 5000)
    with pytest.raises(grpc.RpcError, match="name of the service is too long"):
        health.Check(request, timeout=60)
    with pytest.raises(grpc.RpcError, match="name of the service is too long"):
        next(health.Watch(request, timeout=60))
    name = "x" * 1000
    request = health_pb2.HealthCheckRequest(service=name)
    state = next(health.Watch(request, timeout=60)).status
    assert state == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
