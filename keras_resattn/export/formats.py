"""A model folder as a file of another runtime: ONNX, OpenVINO, LiteRT."""

import contextlib
import importlib
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from keras_resattn.atomic_writing import write_beside
from keras_resattn.data import Preprocessing
from keras_resattn.export import contract
from keras_resattn.export import int8
from keras_resattn.export import measure
from keras_resattn.export.calibration import Calibration
from keras_resattn.export.manifest import describe
from keras_resattn.export.manifest import write_manifest
from keras_resattn.export.optimization import resize_natively
from keras_resattn.export.precision import check_backend
from keras_resattn.export.precision import prepare
from keras_resattn.model_folder import LABELS
from keras_resattn.model_folder import ModelFolder
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath
from keras_resattn_client.extras import require_extra

MANIFEST = "manifest.json"
DIFFERENCE = "largest_difference"


def export_format(
    folder: ModelFolder,
    path: StrPath,
    format: str,
    fold_batch_norm: bool = True,
    images: Sequence[StrPath] | None = None,
    calibration: Calibration | None = None,
) -> tuple[Path, dict[str, Any]]:
    """Export a model as a file of ONNX, OpenVINO or LiteRT.

    The input of the model is `images`, float32 `(N, H, W, C)`, pixels from 0 to 255 in
    the network's size. The model standardizes them; the caller decodes and resizes.
    The output is `probabilities`, float32 `(N, classes)`. The folder contains the file,
    `labels.txt` and `manifest.json`. If the runtime is installed, the manifest states
    how far its answers are from those of the Keras model.

    Example:

    >>> folder = ModelFolder.open("runs/demo")
    >>> path, manifest = export_format(folder, "demo_onnx", "onnx")
    >>> sorted(file.name for file in path.iterdir())
    ['labels.txt', 'manifest.json', 'model.onnx']

    Args:
        folder: A `ModelFolder`.
        path: The folder to make.
        format: `"onnx"`, `"openvino"` or `"litert"`.
        fold_batch_norm: Boolean, whether to fold batch normalizations into
            convolutions, see `keras_resattn.fold_batch_norm`. Only then are aligned
            resizes one operation each. Defaults to `True`.
        images: Paths of image files to measure on. Defaults to images of the
            bundled sample of Fashion-MNIST, or to those that `calibration` holds out.
        calibration: A `Calibration`, see `calibration_images`: quantize to 8 bits.
            Only for `"onnx"` and `"openvino"`. Batch normalizations are folded.

    Returns:
        A tuple: the `pathlib.Path` of the folder, and the manifest, a dictionary.

    Raises:
        ValueError: If the format is unknown or has no 8 bits, Keras does not run on
            TensorFlow, or answers of float32 differ by more than rounding.
        FileExistsError: If `path` exists.
        ImportError: If the package that writes the format is missing.
    """
    path = Path(path)
    chosen = _check(format, path, calibration is not None)
    check_backend()
    pixels, source = _pixels_to_measure(folder.preprocessing, images, calibration)
    fold = fold_batch_norm or calibration is not None
    model = resize_natively(prepare(folder.model, fold=fold))
    precision = "int8" if calibration else "float32"
    manifest = {
        "format": format,
        "file": chosen.file,
        **describe(folder, model, precision, fold),
    }

    def write(beside: Path) -> None:
        beside.mkdir()
        file = beside / chosen.file
        with _quiet():
            whole = of_pixels(model, folder.preprocessing)
            if calibration:
                kept = int8.write_int8(whole, calibration.pixels, file)
                manifest["calibration"] = _described(calibration, kept)
            else:
                whole.export(str(file), format=format, verbose=False)
        manifest["parity"] = {"runtime": chosen.runtime, "measured": False}
        if _is_installed(chosen.runtime):
            parity = _parity(folder, chosen.run, file, pixels)
            if not calibration:
                measure.check_parity({DIFFERENCE: {"": parity[DIFFERENCE]}})
            manifest["parity"].update(measured=True, source=source, **parity)
        shutil.copy(folder.path / LABELS, beside / LABELS)
        write_manifest(beside / MANIFEST, manifest)

    write_beside(path, write)
    return path, manifest


def _pixels_to_measure(
    preprocessing: Preprocessing,
    images: Sequence[StrPath] | None,
    calibration: Calibration | None,
) -> tuple[Array, str]:
    if calibration and not images:
        text = f"images of {calibration.source} that were not used to calibrate"
        return calibration.held_out, text
    encoded, source = measure.images_to_measure(preprocessing, images)
    return measure.pixels_of(preprocessing, encoded), source


def _described(calibration: Calibration, kept: Sequence[str]) -> dict[str, Any]:
    return {
        "data": calibration.source,
        "images": len(calibration.pixels),
        "method": "smallest and largest value; weights per output channel",
        "convolutions_in_float32": list(kept),
    }


def _parity(
    folder: ModelFolder,
    run: Callable[[Path, Array], Array],
    file: Path,
    pixels: Array,
) -> dict[str, Any]:
    reference = prepare(folder.model)
    expected = measure.expected_outputs(reference, folder.preprocessing, pixels)
    answers = {contract.PROBABILITIES: run(file, pixels)}
    parity = measure.parity({contract.SERVING_DEFAULT: answers}, expected)
    # The format has no signatures.
    (parity[DIFFERENCE],) = parity[DIFFERENCE].values()
    return parity


def of_pixels(model: keras.Model, preprocessing: Preprocessing) -> keras.Model:
    """Return a model that maps pixels from 0 to 255 to probabilities.

    Args:
        model: A classifier of standardized images.
        preprocessing: Its `keras_resattn.data.Preprocessing`.
    """
    shape = preprocessing.input_shape
    mean = np.broadcast_to(np.asarray(preprocessing.mean, "float64"), shape[-1:])
    std = np.broadcast_to(np.asarray(preprocessing.std, "float64"), shape[-1:])
    images = keras.Input(shape, name=contract.IMAGES)
    standardize = keras.layers.Rescaling((1 / std).tolist(), (-mean / std).tolist())
    whole = keras.Model(images, {contract.PROBABILITIES: model(standardize(images))})
    whole(
        np.zeros((1, *shape), "float32")
    )  # Keras only exports a model that was called
    return whole


# === Runtimes ===


def _run_onnx(file: Path, pixels: Array) -> Array:
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (images,) = session.get_inputs()
    return session.run(None, {images.name: pixels})[0]


def _run_openvino(file: Path, pixels: Array) -> Array:
    import openvino

    # OpenVINO computes in bfloat16 by default if the processor supports it.
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(file), "CPU", options)
    return compiled([pixels])[0]


def _run_litert(file: Path, pixels: Array) -> Array:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file))
    (images,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(images["index"], pixels.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(images["index"], pixels)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


class Format(NamedTuple):
    """How a format is written and run.

    Attributes:
        file: The name of the model's file.
        writer: The module that Keras needs to write it.
        runtime: The module that runs it.
        run: A function of the file and pixels that returns probabilities.
    """

    file: str
    writer: str
    runtime: str
    run: Callable[[Path, Array], Array]


FORMATS = {
    "onnx": Format("model.onnx", "tf2onnx", "onnxruntime", _run_onnx),
    "openvino": Format("model.xml", "openvino", "openvino", _run_openvino),
    "litert": Format("model.tflite", "tensorflow", "ai_edge_litert", _run_litert),
}


def _check(format: str, path: Path, is_int8: bool) -> Format:
    if format not in FORMATS:
        raise ValueError(
            f"`format` must be one of {', '.join(map(repr, FORMATS))}. "
            f"Received: format={format!r}"
        )
    if is_int8 and format not in int8.FORMATS:
        raise ValueError(
            f"8 bits work with the formats {' and '.join(int8.FORMATS)}. "
            f"Received: format={format!r}"
        )
    if path.exists():
        raise FileExistsError(
            f"This folder exists already; export to a new one. Received: {path}"
        )
    # Without this, OpenVINO's converter sends telemetry to its maker.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    require_extra(format, f"Exporting as {format}", (FORMATS[format].writer,))
    if is_int8:
        require_extra("onnx", "Quantizing to 8 bits", int8.PACKAGES)
    return FORMATS[format]


def _is_installed(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide what converters print, and their warnings about their own code.

    Failures are raised anyway.
    """
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        warnings.catch_warnings(),
    ):
        # Keras looks for a name that NumPy has removed.
        warnings.filterwarnings("ignore", ".*`np.object`", FutureWarning)
        yield
