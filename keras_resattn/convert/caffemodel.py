"""Caffe's file format: the layers of a file and the values of their blobs."""

import math
from pathlib import Path
from typing import Any
from typing import TypeAlias

import numpy as np
from google.protobuf.message import DecodeError

from keras_resattn.convert import caffe_pb2
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath

# A `caffe_pb2.BlobProto`: protoc generates it at runtime, without types.
Blob: TypeAlias = Any


def read_layers(path: StrPath) -> list[tuple[str, list[Blob]]]:
    """Return the layers of a Caffe model that hold blobs.

    Args:
        path: The path of a `.caffemodel` file, old format or new.

    Returns:
        A list of `(name, blobs)` in the file's order. Read the blobs with
        `blob_shape` and `blob_values`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a Caffe model, incomplete or without blobs.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            "There is no such file. Name a .caffemodel file. "
            f"Received: path={str(path)!r}"
        )
    try:
        network = caffe_pb2.NetParameter.FromString(  # type: ignore[attr-defined]
            path.read_bytes()
        )
    except DecodeError as error:
        raise ValueError(
            "This file is not a Caffe model, or it is incomplete. Use the .caffemodel "
            f"file that Caffe wrote. Received: path={str(path)!r}"
        ) from error
    layers = [
        (layer.name, list(layer.blobs))
        for layer in (*network.layers, *network.layer)
        if layer.blobs
    ]
    if not layers:
        raise ValueError(
            "This file has no trained weights. Use the .caffemodel file beside the "
            f".prototxt file. Received: path={str(path)!r}"
        )
    return layers


def blob_shape(blob: Blob) -> tuple[int, ...]:
    """Return the shape of a blob. In old files it has four axes."""
    if blob.HasField("shape"):
        return tuple(blob.shape.dim)
    old = ("num", "channels", "height", "width")
    if any(blob.HasField(axis) for axis in old):
        return tuple(getattr(blob, axis) for axis in old)
    return ()


def blob_values(blob: Blob) -> Array:
    """Return the values of a blob, a float32 array with one axis."""
    return np.asarray(blob.data or blob.double_data, dtype="float32")


def is_whole(blob: Blob) -> bool:
    """Return whether the number of a blob's values fits its shape."""
    values = len(blob.data) or len(blob.double_data)
    shape = blob_shape(blob)
    return bool(shape) and min(shape) > 0 and math.prod(shape) == values
