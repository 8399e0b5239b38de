import json

import jsonschema
import pytest
import schemathesis

from keras_resattn_server.models.servable import Servable
from keras_resattn_server.rest.openapi import openapi_document

from .conftest import MODELS

ZEROS = [[[0.0] * 3] * 8] * 8


@pytest.fixture(scope="module")
def models():
    folders = sorted(MODELS.glob("*/*"))
    return [Servable(folder.parent.name, folder).metadata() for folder in folders]


@pytest.fixture(scope="module")
def document(models):
    return json.loads(json.dumps(openapi_document(models)))


def request_schema(document, path):
    body = document["paths"][path]["post"]["requestBody"]
    return body["content"]["application/json"]["schema"]


def test_schemathesis_takes_the_document(document):
    operations = schemathesis.openapi.from_dict(document).get_all_operations()
    assert len([operation.ok() for operation in operations]) > 10


def test_every_model_and_version_has_its_paths(document):
    for name, version in (("clf", 1), ("misc", 7), ("plain", 1)):
        for base in (f"/v1/models/{name}", f"/v1/models/{name}/versions/{version}"):
            assert {base, f"{base}:predict", f"{base}/metadata"} <= set(
                document["paths"]
            )
    assert "/v1/models/clf:classify" in document["paths"]
    assert "/v1/models/plain:classify" not in document["paths"]


@pytest.mark.parametrize(
    "model, request_body",
    [
        ("clf", {"instances": [ZEROS]}),
        ("clf", {"instances": [{"image": ZEROS}]}),
        ("clf", {"inputs": [ZEROS], "signature_name": "serving_default"}),
        ("clf", {"inputs": {"image": [ZEROS]}}),
        ("clf", {"signature_name": "serving_bytes", "instances": [{"b64": "aGk="}]}),
        ("misc", {"signature_name": "two", "instances": [{"a": [1, 2], "b": 3}]}),
    ],
)
def test_a_request_that_is_answered_fits_the_document(document, model, request_body):
    schema = request_schema(document, f"/v1/models/{model}:predict")
    jsonschema.validate(request_body, schema)


@pytest.mark.parametrize(
    "request_body",
    [
        {},
        {"instances": []},
        {"instances": [[1.0, 2.0]]},
        {"instances": ["text"]},
        {"instances": [ZEROS], "signature_name": "nope"},
        {"signature_name": "__saved_model_init_op", "instances": [1]},
    ],
)
def test_a_request_that_is_refused_does_not_fit(document, request_body):
    schema = request_schema(document, "/v1/models/clf:predict")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(request_body, schema)


def test_a_signature_of_a_type_that_json_has_not_is_left_out(document):
    schema = request_schema(document, "/v1/models/misc:predict")
    titles = {signature["title"] for signature in schema["anyOf"]}
    assert "f16" not in titles
    assert {"two", "st", "u8", "serving_default"} <= titles


def test_image_files_are_described_where_they_are_taken(models):
    contents = openapi_document(models)["paths"]["/v1/models/clf:predict"]["post"]
    contents = contents["requestBody"]["content"]
    form = contents["multipart/form-data"]["schema"]
    assert "serving_bytes" in form["properties"]["signature_name"]["enum"]
    assert form["required"] == ["image", "signature_name"]
    assert "image/png" not in contents  # the default signature takes pixels


def test_a_default_signature_of_files_takes_them_as_they_are():
    info = {"dtype": "DT_STRING", "tensor_shape": {"unknown_rank": True, "dim": []}}
    signature = {"inputs": {"image_bytes": info}, "outputs": {"x": info}}
    defined = {"signature_def": {"signature_def": {"serving_default": signature}}}
    spec = {"name": "m", "version": "1"}
    document = openapi_document([{"model_spec": spec, "metadata": defined}])
    operation = document["paths"]["/v1/models/m:predict"]["post"]
    contents = operation["requestBody"]["content"]
    files = {"image/png", "image/jpeg", "multipart/form-data"}
    assert set(contents) == {"application/json", *files}
    assert contents["multipart/form-data"]["schema"]["required"] == ["image"]


def test_every_answer_that_is_given_is_described(document):
    operation = document["paths"]["/v1/models/clf:predict"]["post"]
    responses = operation["responses"]
    assert set("200 400 404 408 413 415 429 431 500 501 503 504".split()) == set(
        responses
    )
    retried = {status for status in responses if "headers" in responses[status]}
    assert retried == {"429", "503"}
    (parameter,) = operation["parameters"]
    assert parameter["name"] == "Content-Encoding"
    assert parameter["schema"] == {"enum": ["gzip", "deflate"]}


def test_keys_are_asked_for_where_they_are_needed(models):
    document = openapi_document(models, has_api_keys=True)
    operation = document["paths"]["/v1/models/clf:predict"]["post"]
    assert operation["security"] == [{"bearer": []}, {"key": []}]
    assert "401" in operation["responses"]
    assert "security" not in document["paths"]["/healthz"]["get"]


def test_a_name_is_written_as_it_is_in_a_url(models):
    spec = {"name": "my model", "version": "1"}
    document = openapi_document([{**models[0], "model_spec": spec}])
    assert "/v1/models/my%20model:predict" in document["paths"]
