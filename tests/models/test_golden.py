"""Outputs match an independent float64 evaluation of the authors' definitions."""

import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn.convert import authors_names
from tests.models import golden

NETWORKS = {
    "attention_56": keras_resattn.Attention56,
    "attention_next_56": keras_resattn.AttentionNeXt56,
}


@pytest.fixture(scope="module", params=list(NETWORKS))
def run(request):
    network = NETWORKS[request.param]
    weights, x, expected = golden.load(request.param)
    model = network()
    left_over = golden.assign(model, weights)
    names = authors_names.outputs(model)
    layers = {blob: model.get_layer(name).output for blob, name in names.items()}
    outputs = keras.Model(model.inputs, layers).predict(x, verbose=0)
    logits_model = network(classifier_activation=None)
    logits_model.set_weights(model.get_weights())
    outputs["classifier"] = logits_model.predict(x, verbose=0)
    return outputs, expected, left_over


def test_every_weight_of_the_authors_has_its_place(run):
    _, _, left_over = run
    assert left_over == []


def test_every_stored_blob_is_compared(run):
    outputs, expected, _ = run
    assert set(outputs) == set(expected)


def tolerance(blob):
    if blob == "cls":
        return 1e-5
    return 1e-3 if blob.endswith("/mask") else 5e-3


def test_outputs_match_the_independent_evaluation(run):
    outputs, expected, _ = run
    errors = {
        blob: float(np.abs(golden.sample(outputs[blob]) - value).max())
        for blob, value in expected.items()
    }
    too_large = {blob: e for blob, e in errors.items() if e > tolerance(blob)}
    assert too_large == {}


def test_the_tolerances_can_fail(run):
    # The masks differ from one another by more than the bound on their error.
    _, expected, _ = run
    masks = [value for blob, value in expected.items() if blob.endswith("/mask")]
    assert len(masks) == 3
    assert all(np.ptp(mask) > 100 * tolerance("/mask") for mask in masks)
