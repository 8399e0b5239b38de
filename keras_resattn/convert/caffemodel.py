"""Caffe's file format: the layers of a file and the values of their blobs."""

import math
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError

from keras_resattn.convert import caffe_pb2


def read_layers(path):
    """Return the layers of a Caffe model that hold blobs.

    Args:
        path: The path of a `.caffemodel` file, old format or new.

    Returns:
        A list of `(name, blobs)` in the file's order; `blob_shape` and
        `blob_values` take a blob.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no Caffe model, not whole or without blobs.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no such file; give a .caffemodel. Received: path={str(path)!r}"
        )
    try:
        network = caffe_pb2.NetParameter.FromString(path.read_bytes())
    except DecodeError as error:
        raise ValueError(
            "This file is no Caffe model, or not the whole of one; give a "
            f".caffemodel as Caffe wrote it. Received: path={str(path)!r}"
        ) from error
    layers = [
        (layer.name, list(layer.blobs))
        for layer in (*network.layers, *network.layer)
        if layer.blobs
    ]
    if not layers:
        raise ValueError(
            "This file holds no trained weights; give the .caffemodel, which "
            f"stands beside the .prototxt. Received: path={str(path)!r}"
        )
    return layers


def blob_shape(blob):
    """Return the shape of a blob, a tuple; that of old files has four axes."""
    if blob.HasField("shape"):
        return tuple(blob.shape.dim)
    old = ("num", "channels", "height", "width")
    if any(blob.HasField(axis) for axis in old):
        return tuple(getattr(blob, axis) for axis in old)
    return ()


def blob_values(blob):
    """Return the values of a blob, an array of one axis."""
    return np.asarray(blob.data or blob.double_data, dtype="float32")


def is_whole(blob):
    """Return whether a blob holds as many values as its shape says."""
    values = len(blob.data) or len(blob.double_data)
    shape = blob_shape(blob)
    return bool(shape) and min(shape) > 0 and math.prod(shape) == values
