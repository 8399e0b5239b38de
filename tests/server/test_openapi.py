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
