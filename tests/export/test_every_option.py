"""Every precision and option of an export keeps the signatures of the default."""

import hashlib

import pytest
import tensorflow as tf

from keras_resattn.export import contract
from keras_resattn.export import export

OPTIONS = {
    "plain": {"optimize": False},
    "plain folded": {"optimize": False, "fold_batch_norm": True},
    "bfloat16": {"precision": "bfloat16"},
    "bfloat16 plain folded": {
        "precision": "bfloat16",
        "optimize": False,
        "fold_batch_norm": True,
    },
}


@pytest.fixture(scope="module", params=OPTIONS)
def other(request, folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("served") / "small" / "1"
    options = {"warmup": False, **OPTIONS[request.param]}
    return tf.saved_model.load(str(export(folder, path, **options))).signatures


def described(signatures):
    return {
        name: [
            {
                key: (spec.dtype.name, spec.shape.as_list())
                for key, spec in specs.items()
            }
            for specs in (
                function.structured_input_signature[1],
                function.structured_outputs,
            )
        ]
        for name, function in signatures.items()
    }


def answers_to_nothing(signatures):
    answers = {}
    for name, function in signatures.items():
        ((key, spec),) = function.structured_input_signature[1].items()
        _, *sizes = spec.shape
        shape = [0, *(size or 16 for size in sizes)]
        outputs = function(**{key: tf.zeros(shape, spec.dtype)})
        answers[name] = {
            key: (value.dtype.name, value.shape.as_list())
            for key, value in outputs.items()
        }
    return answers


def test_names_shapes_and_dtypes_are_the_same(signatures, other):
    assert described(other) == described(signatures)
    masks = described(other)["attention"][1]
    assert masks["stage2_attention1_mask"] == ("float32", [None, 8, 8])


def test_the_answers_to_an_empty_batch_are_the_same(signatures, other):
    expected = answers_to_nothing(signatures)
    assert answers_to_nothing(other) == expected
    assert all(
        shape[0] == 0 for outputs in expected.values() for _, shape in outputs.values()
    )


def test_the_checksum_of_every_file_is_in_the_export(saved_model):
    text = (saved_model / contract.CHECKSUMS).read_text()
    found = dict(reversed(line.split("  ", 1)) for line in text.splitlines())
    expected = {
        path.relative_to(saved_model).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in saved_model.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    assert found == expected
    assert contract.MANIFEST in found
