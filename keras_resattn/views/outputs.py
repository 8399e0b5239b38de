"""One output of a model that has several."""

import keras

from keras_resattn.typing import Tensor
from keras_resattn.views.graph import graph_of
from keras_resattn.views.graph import is_functional


def outputs_by_name(model: keras.Model) -> dict[str, Tensor]:
    """Return the outputs of a model by the names that its predictions have.

    Args:
        model: A `keras.Model`. One without a graph has no known outputs.

    Returns:
        A dictionary of tensors. The names are the keys if the model returns a
        dictionary, otherwise those in `model.output_names`.
    """
    if not is_functional(model):
        return {}
    graph = graph_of(model)  # a Sequential without a call has no `output`
    if isinstance(graph.output, dict):
        return graph.output
    return dict(zip(graph.output_names, graph.outputs, strict=True))


def with_output(model: keras.Model, name: str | None = None) -> keras.Model:
    """Return a model with only one of its outputs.

    Example:

    >>> model.output_names
    ['kind', 'place']
    >>> kinds = with_output(model, "kind")

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential`.
        name: String, the name of the output. Not needed if there is only one.

    Returns:
        A `keras.Model` with the same layers; `model` itself if it has one output that
        is not in a dictionary.

    Raises:
        ValueError: If there are several outputs and none is named, or there is no
            output of this name.
    """
    outputs = outputs_by_name(model)
    if name is None and len(outputs) < 2:
        if not (outputs and isinstance(graph_of(model).output, dict)):
            return model
        name = next(iter(outputs))  # otherwise predictions are a dictionary
    if name not in outputs:
        raise ValueError(
            f"The outputs of this model are {', '.join(map(repr, outputs))}. Name one "
            "of them, or pass keras_resattn.views.outputs.with_output(model, NAME). "
            f"Received: output={name!r}"
        )
    chosen = keras.Model(graph_of(model).input, outputs[name], name=model.name)
    return keep_takes_pixels(model, chosen)


def keep_takes_pixels(model: keras.Model, other: keras.Model) -> keras.Model:
    """Return another model with the mark of a model that it takes pixel values."""
    if hasattr(model, "takes_pixels"):
        other.takes_pixels = model.takes_pixels
    return other
