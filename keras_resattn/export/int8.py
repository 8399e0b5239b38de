"""Quantize a network to 8 bits, for ONNX Runtime and OpenVINO.

Weights and maps become 8-bit integers: the weights with one scale per output channel,
the maps with one scale each, from the smallest and largest value on the calibration
images. ONNX writes this as pairs of the operations
QuantizeLinear and DequantizeLinear (QDQ), which the runtimes replace by integer
kernels. The formulas are those of Jacob et al., Quantization and Training of Neural
Networks for Efficient Integer-Arithmetic-Only Inference, CVPR 2018.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from keras_resattn.typing import Array

if TYPE_CHECKING:
    import onnx
    from onnxruntime.quantization import CalibrationDataReader

FORMATS = ("onnx", "openvino")
PACKAGES = ("tf2onnx", "onnx", "onnxruntime")
BATCH_SIZE = 16
# Sums, pooling and ReLU as well: their maps need not become floats in between.
OPERATIONS = ["Conv", "Add", "MaxPool", "Relu"]


def write_int8(model: keras.Model, pixels: Array, file: Path) -> list[str]:
    """Write a quantized model.

    Args:
        model: A `keras.Model` of pixels, 0 to 255. Batch normalizations that are
            folded into convolutions are quantized with these.
        pixels: Float32 array `(N, H, W, C)`, the images to calibrate on.
        file: The file to write, `.onnx`, or `.xml` for OpenVINO.

    Returns:
        The names of the convolutions that stay float32, see `sensitive_convolutions`.
    """
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as temporary:
        exported, prepared, quantized = (
            Path(temporary) / f"{name}.onnx"
            for name in ("exported", "prepared", "quantized")
        )
        model.export(str(exported), format="onnx", verbose=False)
        quant_pre_process(exported, prepared, skip_symbolic_shape=True)
        graph = onnx.load(prepared).graph
        kept = sensitive_convolutions(graph)
        quantization.quantize_static(
            prepared,
            quantized,
            _reader(graph.input[0].name, pixels),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=OPERATIONS,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            calibrate_method=quantization.CalibrationMethod.MinMax,
            nodes_to_exclude=kept,
        )
        if file.suffix == ".onnx":
            shutil.move(quantized, file)
        else:
            import openvino

            openvino.save_model(openvino.convert_model(quantized), file)
    return kept


def sensitive_convolutions(graph: "onnx.GraphProto") -> list[str]:
    """Return the names of the convolutions that lose most when they are quantized.

    This is the first one, which sees the pixels. The classifier is not a convolution
    and stays float32 as well. `benchmarks/int8.py` measures what other convolutions
    lose.

    Args:
        graph: The `onnx.GraphProto` of a network.
    """
    convolutions = [node.name for node in graph.node if node.op_type == "Conv"]
    return convolutions[:1]


def _reader(name: str, pixels: Array) -> "CalibrationDataReader":
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.batches: Iterator[Array] = (
                pixels[start : start + BATCH_SIZE]
                for start in range(0, len(pixels), BATCH_SIZE)
            )

        def get_next(self) -> dict[str, Array] | None:
            batch = next(self.batches, None)
            return None if batch is None else {name: batch}

    return Reader()
