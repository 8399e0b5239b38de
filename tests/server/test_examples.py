import pytest
import tensorflow as tf

from keras_resattn_server.requests.classification import read_classifications
from keras_resattn_server.requests.classification import read_regressions
from keras_resattn_server.requests.classification import write_classifications
from keras_resattn_server.rest.examples import read_examples
from keras_resattn_server.wire.status import ServingError


def features(example):
    message = tf.train.Example.FromString(example)
    return {
        name: list(getattr(feature, feature.WhichOneof("kind")).value)
        for name, feature in message.features.feature.items()
        if feature.WhichOneof("kind")
    }


def test_a_feature_takes_the_type_of_its_values():
    (example,) = read_examples(
        {
            "examples": [
                {
                    "image": {"b64": "aGk="},
                    "name": ["a", "é"],
                    "count": [1, True],
                    "size": [1.5, 2.0**70],
                    "large": 2**70,
                    "nothing": [],
                }
            ]
        }
    )
    assert features(example) == {
        "image": [b"hi"],
        "name": [b"a", "é".encode()],
        "count": [1, 1],
        "size": [1.5, 2.0**70],
        "large": [2.0**70],
    }


def test_the_context_is_part_of_every_example_which_may_override_it():
    first, second = read_examples(
        {"context": {"x": 1, "y": 2}, "examples": [{}, {"x": 3}]}
    )
    assert features(first) == {"x": [1], "y": [2]}
    assert features(second) == {"x": [3], "y": [2]}


LABELS = tf.constant([["a", "b"]]).numpy()
SCORES = tf.constant([[0.25, 0.5]]).numpy()


@pytest.mark.parametrize(
    "outputs, text",
    [
        (
            {"classes": LABELS, "scores": SCORES},
            '{"results": [[["a", 0.25], ["b", 0.5]]]}',
        ),
        ({"classes": LABELS}, '{"results": [[["a", 0.0], ["b", 0.0]]]}'),
        ({"scores": SCORES}, '{"results": [[["", 0.25], ["", 0.5]]]}'),
    ],
)
def test_classes_or_scores_may_lack(outputs, text):
    assert write_classifications(read_classifications(outputs, 1)) == text


@pytest.mark.parametrize(
    "outputs, message",
    [
        ({"classes": LABELS[0]}, "Expected Tensor shape: .* but got \\[2\\]"),
        ({"classes": SCORES}, "Expected classes Tensor of DT_STRING. Got: DT_FLOAT"),
        ({"scores": SCORES.astype("float64")}, "of DT_FLOAT. Got: DT_DOUBLE"),
        ({"scores": SCORES.repeat(2, 0)}, "output batch size of 1. Got: 2"),
        ({"classes": LABELS, "scores": SCORES[:, :1]}, "Got 2 vs. 1"),
    ],
)
def test_outputs_that_are_no_classes_are_refused(outputs, message):
    with pytest.raises(ServingError, match=message):
        read_classifications(outputs, 1)


@pytest.mark.parametrize(
    "values, message",
    [
        (SCORES, "either \\[batch_size\\] or \\[batch_size, 1\\] but got \\[1,2\\]"),
        (SCORES[0], "did not match output batch size: 1 vs. 2"),
        (SCORES[0, :1].astype("int32"), "DT_FLOAT.  Got: DT_INT32"),
    ],
)
def test_outputs_that_are_no_regressions_are_refused(values, message):
    with pytest.raises(ServingError, match=message):
        read_regressions({"outputs": values}, 1)


def test_a_name_that_is_not_utf_8_is_refused():
    with pytest.raises(ServingError, match="The surrogate pair in string is invalid"):
        read_examples({"examples": [{"\ud800": 1}]})
