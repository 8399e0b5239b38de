"""The examples of the documentation run and give what they say."""

import doctest
import re

import keras
import numpy as np
import pytest

import keras_resattn

PUBLIC = [
    keras_resattn.ResidualAttentionNetwork,
    keras_resattn.cifar.Attention56,
    keras_resattn.Stage,
    keras_resattn.create_model,
    keras_resattn.feature_maps,
    keras_resattn.list_models,
    keras_resattn.model_info,
    keras_resattn.pyramid_outputs,
    keras_resattn.with_masks,
    *(getattr(keras_resattn.layers, name) for name in keras_resattn.layers.__all__),
]


@pytest.mark.one_backend
@pytest.mark.parametrize("documented", PUBLIC, ids=lambda thing: thing.__name__)
def test_examples(documented):
    examples = doctest.DocTestParser().get_examples(documented.__doc__)
    names = {"keras": keras, "keras_resattn": keras_resattn, "np": np}
    compared = 0
    for example in examples:
        if not example.want:
            exec(example.source, names)
            continue
        value = repr(eval(example.source, names))
        value = re.sub(r"TensorShape\(\[(.*?)\]\)", r"(\1)", value)
        assert "".join(value.split()) == "".join(example.want.split())
        compared += 1
    assert examples
    if documented not in (
        keras_resattn.ResidualAttentionNetwork,
        keras_resattn.create_model,
    ):
        assert compared
