"""What a TensorFlow Serving answered to gRPC requests for the same models."""

import json
import re
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import descriptor_pool
from google.protobuf import text_format
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

DATA = Path(__file__).parent / "data"
CASES = json.loads((DATA / "grpc_cases.json").read_text())
REST_CASES = json.loads((DATA / "rest_cases.json").read_text())

# Where the embedded server answers otherwise on purpose.
DIFFERENT = {
    # Checked before the convolution, which could end the process.
    "wrong rank": (
        "INVALID_ARGUMENT",
        "Input 'image' does not fit the signature: expected float [-1,8,8,3]."
        " Received: float [1,2]",
    ),
}


def png():
    case = next(case for case in REST_CASES if case["label"] == "classify")
    text = json.loads(case["body"])["examples"][0]["image/encoded"]["b64"]
    return tf.io.decode_base64(text.rstrip("=").replace("+", "-").replace("/", "_"))


def predict(inputs, output_filter=(), name="clf", label=None, signature=""):
    request = PredictRequest(output_filter=output_filter)
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    if label:
        request.model_spec.version_label = label
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return "Predict", request


def corrupt():
    method, request = predict({"image": images()})
    request.inputs["image"].tensor_content = b"abc"
    return method, request


def metadata(**fields):
    return "GetModelMetadata", GetModelMetadataRequest(**fields)


def status(name):
    request = GetModelStatusRequest()
    request.model_spec.name = name
    return "GetModelStatus", request


def classify():
    request = ClassificationRequest()
    request.model_spec.name = "clf"
    request.model_spec.signature_name = "classify_examples"
    example = request.input.example_list.examples.add()
    example.features.feature["image/encoded"].bytes_list.value.append(png().numpy())
    return "Classify", request


def images(count=2, dtype="float32"):
    return np.zeros((count, 8, 8, 3), dtype)


CLF = {"name": "clf"}
IMAGE_BYTES = {"image_bytes": [b"no image"]}
REQUESTS = {
    "predict ok": lambda: predict({"image": images()}),
    "predict label": lambda: predict({"image": images()}, label="stable"),
    "unknown model": lambda: predict({"image": images()}, name="nope"),
    "unknown label": lambda: predict({"image": images()}, label="zz"),
    "init op sig": lambda: predict({}, signature="__saved_model_init_op"),
    "wrong input name": lambda: predict({"foo": images()}),
    "wrong dtype": lambda: predict({"image": images(dtype="float64")}),
    "wrong rank": lambda: predict({"image": np.zeros((1, 2), "float32")}),
    "corrupt tensor": corrupt,
    "filter ok": lambda: predict(IMAGE_BYTES, ["label"], signature="serving_bytes"),
    "filter dup": lambda: predict({"image": images()}, ["scores", "scores"]),
    "empty batch": lambda: predict({"image": images(0)}),
    "metadata": lambda: metadata(model_spec=CLF, metadata_field=["signature_def"]),
    "metadata bad field": lambda: metadata(model_spec=CLF, metadata_field=["foo"]),
    "metadata no spec": lambda: metadata(metadata_field=["signature_def"]),
    "status": lambda: status("clf"),
    "status unknown": lambda: status("nope"),
    "bytes ok": lambda: predict(
        {"image_bytes": [png().numpy()]}, signature="serving_bytes"
    ),
    "classify": classify,
    "reload empty": lambda: ("HandleReloadConfigRequest", ReloadConfigRequest()),
}


def ask(channel, method, request):
    """The status code's name, and the details of an error or the answer's text."""
    stubs = (PredictionServiceStub(channel), ModelServiceStub(channel))
    stub = next(stub for stub in stubs if hasattr(stub, method))
    try:
        answer = getattr(stub, method)(request, timeout=60)
    except grpc.RpcError as error:
        return error.code().name, error.details()
    # An empty pool: a message inside is printed as recorded, by its type's URL.
    pool = descriptor_pool.DescriptorPool()
    return "OK", text_format.MessageToString(
        answer, as_one_line=True, descriptor_pool=pool
    )


def pieces(text):
    """The answer's parts, in any order; floats to six digits, as kernels differ."""
    text = re.sub(r"\d\.\d+", lambda number: f"{float(number[0]):.6g}", text)
    return re.split(r" ?(?=outputs \{|model_spec \{)", text.split("\n\t [[")[0])


def test_there_is_a_request_for_every_recorded_case():
    assert REQUESTS.keys() == {label for label, _, _ in CASES}


@pytest.mark.parametrize("label, code, text", CASES, ids=[case[0] for case in CASES])
def test_answers_as_recorded(channel, label, code, text):
    if label in DIFFERENT:
        code, text = DIFFERENT[label]
    answered_code, answer = ask(channel, *REQUESTS[label]())
    assert answered_code == code
    *complete, last = pieces(text)
    found = pieces(answer)
    assert set(complete) <= set(found)
    if code == "OK":  # The recording may break off inside its last part.
        assert any(piece.startswith(last) for piece in found)
    else:
        assert found == [last]
