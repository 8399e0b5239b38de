"""One version of a model: load it, check its inputs, run it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

from keras_resattn_client.typing import Array
from keras_resattn_server.models.constant_kernels import check_kernels
from keras_resattn_server.wire.json_encode import shape_text
from keras_resattn_server.wire.json_encode import type_text
from keras_resattn_server.wire.status import ServingError
from keras_resattn_server.wire.status import from_op_error
from keras_resattn_server.wire.status import from_undecodable_error

Specs = dict[str, tf.TensorSpec]

SAVED_MODEL = "saved_model.pb"
_REMEDY = "Export the model again, or copy the whole folder again."

DEFAULT_SIGNATURE = "serving_default"


class Servable:
    """One loaded version of one model.

    Args:
        name: The model's name in URLs.
        directory: The version's folder; its name is the version number.
    """

    def __init__(self, name: str, directory: Path):
        self.name = name
        self.version = int(directory.name)
        graph = _read_graph(directory / SAVED_MODEL)
        check_kernels(graph.graph_def)
        self._signature_defs = dict(graph.signature_def)
        self._model = tf.saved_model.load(str(directory))

    def signature(self, signature_name: str) -> SignatureDef | None:
        """Return the definition of a signature, or None if it does not exist.

        Args:
            signature_name: Its name; `""` is `serving_default`.
        """
        return self._signature_defs.get(signature_name or DEFAULT_SIGNATURE)

    @property
    def signatures(self) -> dict[str, SignatureDef]:
        """The definitions of all signatures by name."""
        return dict(self._signature_defs)

    def input_specs(self, signature_name: str) -> Specs:
        """Return the inputs of a signature.

        Args:
            signature_name: Its name; `""` is `serving_default`.

        Returns:
            Name, shape and type of each input tensor.

        Raises:
            ServingError: If the signature does not exist, or has no inputs.
        """
        definition = self.signature(signature_name)
        if definition is None:
            raise ServingError(
                f'Serving signature name: "{signature_name or DEFAULT_SIGNATURE}" '
                "not found in signature def"
            )
        specs = _specs(definition.inputs)
        if not specs:
            raise ServingError(
                "Failed to get input map for signature: "
                + (signature_name or "DEFAULT")
            )
        return specs

    def is_batch(self, signature_name: str, arrays: Mapping[str, Array]) -> bool:
        """Return whether a request may run together with others.

        Args:
            signature_name: The signature; `""` is `serving_default`.
            arrays: The request's arrays.

        Returns:
            True if the request has rows, and the first dimension of each input and
            output of the signature is open.
        """
        definition = self.signature(signature_name)
        if definition is None:
            return False
        if not all(array.ndim and len(array) for array in arrays.values()):
            return False
        inputs, outputs = _specs(definition.inputs), _specs(definition.outputs)
        return all(map(_batched, [*inputs.values(), *outputs.values()]))

    def run(self, signature_name: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Run a signature.

        Every tensor is checked against the signature first, because a wrong rank can
        abort the process inside a convolution, where no `except` catches it.

        Args:
            signature_name: Its name; `""` is `serving_default`.
            arrays: One array per input.

        Returns:
            The output arrays, sorted by name.

        Raises:
            ServingError: If a tensor does not fit the signature, or running it fails.
        """
        name = signature_name or DEFAULT_SIGNATURE
        specs = self.input_specs(signature_name)
        arrays = {
            key: _checked(key, index, _whole_empty_batch(arrays[key], spec), spec)
            for index, (key, spec) in enumerate(specs.items())
        }
        output_specs = _specs(self._signature_defs[name].outputs)
        if _is_empty_batch(arrays, specs) and all(map(_batched, output_specs.values())):
            return {key: _empty(spec) for key, spec in output_specs.items()}
        try:
            tensors = {
                key: tf.constant(arrays[key], spec.dtype) for key, spec in specs.items()
            }
            outputs = self._model.signatures[name](**tensors)
            return {key: outputs[key].numpy() for key in sorted(outputs)}
        except tf.errors.OpError as error:
            raise from_op_error(error) from error
        except UnicodeDecodeError as error:
            raise from_undecodable_error(error) from error

    def metadata(self) -> dict[str, Any]:
        """Return the answer to `GET .../metadata`: all signature definitions."""
        signatures = {
            name: MessageToDict(
                definition,
                always_print_fields_with_no_presence=True,
                preserving_proto_field_name=True,
            )
            for name, definition in self._signature_defs.items()
        }
        version = str(self.version)
        return {
            "model_spec": {
                "name": self.name,
                "version": version,
                "signature_name": "",
            },
            "metadata": {"signature_def": {"signature_def": signatures}},
        }


def signature_changes(old: Servable, new: Servable) -> list[str]:
    """Return the differences between the signatures of two versions.

    Args:
        old: The version that clients know.
        new: The version that replaces it.

    Returns:
        One text per tensor: `"serving_default input x: float [-1] -> none"`.
    """
    before, after = _described(old), _described(new)
    return [
        f"{key}: {before.get(key, 'none')} -> {after.get(key, 'none')}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def _described(servable: Servable) -> dict[str, str]:
    return {
        f"{name} {kind} {key}": _spec_text(spec)
        for name, definition in servable.signatures.items()
        if definition.inputs  # without inputs it is for the loader
        for kind, infos in (
            ("input", definition.inputs),
            ("output", definition.outputs),
        )
        for key, spec in _specs(infos).items()
    }


def _read_graph(path: Path) -> MetaGraphDef:
    try:
        saved_model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except DecodeError as error:
        raise ValueError(f"The file is damaged. {_REMEDY} Received: {path}") from error
    for graph in saved_model.meta_graphs:
        if "serve" in graph.meta_info_def.tags:
            return graph
    raise ValueError(
        f"The file has no graph with the tag `serve`. {_REMEDY} Received: {path}"
    )


def _specs(tensor_infos: Mapping[str, Any]) -> Specs:
    return {
        name: tf.TensorSpec(info.tensor_shape, info.dtype)
        for name, info in sorted(tensor_infos.items())
    }


def _checked(name: str, index: int, array: Array, spec: tf.TensorSpec) -> Array:
    dtype = "string" if array.dtype.kind == "O" else array.dtype.name
    if dtype != spec.dtype.name:
        raise ServingError(
            f"Expects arg[{index}] to be {type_text(spec.dtype.name)} "
            f"but {type_text(dtype)} is provided"
        )
    if not spec.shape.is_compatible_with(array.shape):
        raise ServingError(
            f"Input '{name}' does not fit the signature: expected "
            f"{_spec_text(spec)}. Received: {type_text(dtype)} "
            f"{shape_text(array.shape)}"
        )
    return array


def _spec_text(spec: tf.TensorSpec) -> str:
    known = spec.shape.rank is not None
    shape = shape_text(spec.shape) if known else "any shape"
    return f"{type_text(spec.dtype.name)} {shape}"


def _batched(spec: tf.TensorSpec) -> bool:
    return bool(spec.shape.rank) and spec.shape[0] is None


def _empty(spec: tf.TensorSpec) -> Array:
    shape = [size or 0 for size in spec.shape]
    return np.zeros(shape, spec.dtype.as_numpy_dtype)


def _whole_empty_batch(array: Array, spec: tf.TensorSpec) -> Array:
    """Take the further dimensions of JSON's `[]` from the signature."""
    return _empty(spec) if array.shape == (0,) and _batched(spec) else array


def _is_empty_batch(arrays: Mapping[str, Array], specs: Specs) -> bool:
    """Return whether to answer without running.

    oneDNN's convolutions compute a wrong shape for an empty batch, and the next layer
    fails.
    """
    return all(_batched(specs[key]) and not len(arrays[key]) for key in specs)
