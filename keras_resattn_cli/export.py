"""`keras-resattn export`."""

import enum
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Any

import typer

from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.options import takes_model
from keras_resattn_cli.start import import_keras
from keras_resattn_client.extras import install_command
from keras_resattn_client.extras import require_extra

if TYPE_CHECKING:
    from keras_resattn.export import Calibration
    from keras_resattn.model_folder import ModelFolder


class Format(enum.StrEnum):
    savedmodel = enum.auto()
    onnx = enum.auto()
    openvino = enum.auto()
    litert = enum.auto()


class Precision(enum.StrEnum):
    float32 = enum.auto()
    bfloat16 = enum.auto()
    int8 = enum.auto()


# What writes a format. TensorFlow itself writes the others.
WRITERS = {Format.onnx: ("tf2onnx",), Format.openvino: ("openvino",)}
QUANTIZED = (Format.onnx, Format.openvino)
QUANTIZERS = ("tf2onnx", "onnx", "onnxruntime")


@takes_model
def export(
    opening: ModelOptions,
    model: ModelArgument,
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="The folder to make. For a SavedModel: BASE/NAME/VERSION with a "
            "number as the version, such as served/demo/1.",
        ),
    ],
    format: Annotated[
        Format,
        typer.Option(
            help="The format to write. onnx and openvino need extra packages."
        ),
    ] = Format.savedmodel,
    precision: Annotated[
        Precision,
        typer.Option(
            help="The precision to compute in: bfloat16 with --format savedmodel, int8 "
            "with --format onnx or openvino and --calibrate."
        ),
    ] = Precision.float32,
    calibrate: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|DATA",
            help="Images like those that the model will see, to find the ranges of the "
            "values for --precision int8: a folder of images, a CSV file, or a name "
            "that tensorflow-datasets knows. Up to 640 are read.",
            show_default=False,
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="With --calibrate DATA: the folder where tensorflow-datasets keeps "
            "its files. Default: the one in the recipe.",
            show_default=False,
        ),
    ] = None,
    fold_batch_norm: Annotated[
        bool,
        typer.Option(
            "--fold-batch-norm",
            help="With --plain: fold batch normalization into convolutions. Without "
            "--plain, this is always done.",
        ),
    ] = False,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain",
            help="Keep the network's own operations. Default: rewrite them for "
            "TensorFlow's fused kernels, which are faster. Only works with --format "
            "savedmodel.",
        ),
    ] = False,
    warmup: Annotated[
        bool | None,
        typer.Option(
            "--warmup/--no-warmup",
            help="Write requests that servers replay when they start. Default: if "
            "tensorflow-serving-api is installed. Only works with --format "
            "savedmodel.",
            show_default=False,
        ),
    ] = None,
    image: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="An image on which to compare the export with the Keras model. "
            "Repeatable. Default: 16 bundled images; for int8, images of --calibrate "
            "that are held out.",
        ),
    ] = None,
) -> None:
    """Export a model for TensorFlow Serving, `serve`, or another runtime.

    The outputs are compared with those of the Keras model. If anything fails, no
    folder is left.
    """
    if data_dir and not calibrate:
        raise typer.BadParameter(
            "--data-dir is for --calibrate DATA. Add it, or leave out --data-dir. "
            f"Received: --data-dir {data_dir}"
        )
    _check_options(format, precision, calibrate, warmup or plain)
    if format in WRITERS:
        require_extra(format, f"`export --format {format}`", WRITERS[format])
    if calibrate:
        require_extra("onnx", "`export --precision int8`", QUANTIZERS)
    if warmup:
        require_extra("serve", "`export --warmup`", ("tensorflow_serving",))
    import_keras()
    folder = opening.open(model)
    if format == Format.savedmodel:
        options = {"fold_batch_norm": fold_batch_norm, "optimize": not plain}
        _saved_model(folder, out, str(precision), warmup, image, options)
    else:
        calibration = _calibration(folder, calibrate, data_dir)
        _other(folder, out, format, image, calibration)


def _check_options(
    format: Format,
    precision: Precision,
    calibrate: str | None,
    for_saved_model: bool | None,
) -> None:
    is_int8 = precision == Precision.int8
    if is_int8 and format not in QUANTIZED:
        raise typer.BadParameter(
            "--precision int8 works with --format onnx and --format openvino. "
            f"Received: --format {format}"
        )
    if is_int8 and not calibrate:
        raise typer.BadParameter(
            "--precision int8 needs images to calibrate on; give --calibrate FOLDER "
            "with some hundred images like those of the training. Received: no "
            "--calibrate"
        )
    if calibrate and not is_int8:
        raise typer.BadParameter(
            "--calibrate is for --precision int8. Received: --calibrate "
            f"{calibrate} --precision {precision}"
        )
    for_saved_model = for_saved_model or precision == Precision.bfloat16
    if format != Format.savedmodel and for_saved_model:
        raise typer.BadParameter(
            "--precision bfloat16, --plain and --warmup only work with --format "
            f"savedmodel. Received: --format {format}"
        )


def _calibration(
    folder: "ModelFolder", data: str | None, data_dir: Path | None
) -> "Calibration | None":
    from keras_resattn.export import calibration_images

    if data is None:
        return None
    calibration = calibration_images(folder, data, data_dir)
    for note in calibration.notes:
        typer.echo(note, err=True)
    typer.echo(f"Calibrating on {len(calibration.pixels)} images of {data}", err=True)
    return calibration


def _saved_model(
    folder: "ModelFolder",
    out: Path,
    precision: str,
    warmup: bool | None,
    images: list[Path] | None,
    options: dict[str, bool],
) -> None:
    from keras_resattn.export import contract
    from keras_resattn.export import export

    export(folder, out, precision, warmup=warmup, images=images, **options)
    manifest = json.loads((out / contract.MANIFEST).read_text(encoding="utf-8"))
    _print_parity(manifest["parity"])
    if not manifest["warmup_requests"] and warmup is None:
        typer.echo(
            "The SavedModel has no warm-up requests, and its first answers will be "
            f"slow. To write them, run: {install_command('serve')} and export again."
        )
    typer.echo(f"The SavedModel is {out}. Serve it: keras-resattn serve {_base(out)}")


def _base(version: Path) -> Path:
    """Return the folder of the folder of a model, relative if its path is given."""
    if len(version.parents) > 1 and ".." not in version.parts:
        return version.parents[1]
    return Path(os.path.abspath(version)).parents[1]


def _other(
    folder: "ModelFolder",
    out: Path,
    format: Format,
    images: list[Path] | None,
    calibration: "Calibration | None",
) -> None:
    from keras_resattn.export import export_format

    path, manifest = export_format(
        folder, out, str(format), images=images, calibration=calibration
    )
    _print_parity(manifest["parity"], str(format))
    typer.echo(f"The model is {path / manifest['file']}.")


def _print_parity(parity: dict[str, Any], extra: str = "") -> None:
    if parity.get("measured") is False:
        typer.echo(
            f"Not compared with the Keras model: {parity['runtime']} is not installed. "
            f"To install it: {install_command(extra)}"
        )
        return
    from keras_resattn.export.measure import largest_number

    largest = largest_number(parity["largest_difference"])
    typer.echo(
        f"Compared with Keras in float32 on {parity['images']} {parity['source']}: "
        f"largest difference {largest:.1e}, same class on "
        f"{parity['top_1_agreement']:.1%}."
    )
