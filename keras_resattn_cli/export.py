"""`keras-resattn export`."""

import enum
import json
from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.start import import_keras

Format = enum.StrEnum("Format", ["savedmodel", "onnx", "openvino", "litert"])
Precision = enum.StrEnum("Precision", ["float32", "bfloat16"])


def export(
    model: ModelArgument,
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="The folder to make: for a SavedModel BASE/NAME/VERSION, the "
            "version a number, as in served/demo/1; for another format any.",
        ),
    ],
    format: Annotated[
        Format,
        typer.Option(help="What to write. All but savedmodel need an extra package."),
    ] = Format.savedmodel,
    precision: Annotated[
        Precision, typer.Option(help="What to compute in; of a SavedModel.")
    ] = Precision.float32,
    fold_batch_norm: Annotated[
        bool,
        typer.Option(
            "--fold-batch-norm", help="Fold batch normalizations into convolutions."
        ),
    ] = False,
    optimize: Annotated[
        bool,
        typer.Option(
            "--optimize",
            help="Rewrite the network for TensorFlow's fused kernels and freeze its "
            "weights: faster, for more memory. Of a SavedModel.",
        ),
    ] = False,
    warmup: Annotated[
        bool | None,
        typer.Option(
            "--warmup/--no-warmup",
            help="Write requests that servers replay at their start; by default if "
            "tensorflow-serving-api is installed. Of a SavedModel.",
            show_default=False,
        ),
    ] = None,
    image: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="An image to compare with the Keras model on; may be given "
            "repeatedly. By default 16 bundled ones.",
        ),
    ] = None,
):
    """Export a model for TensorFlow Serving, `serve`, or another runtime.

    Its outputs are compared with those of the Keras model; nothing is left if
    something fails.
    """
    of_saved_model = precision != Precision.float32 or warmup or optimize
    if format != Format.savedmodel and of_saved_model:
        raise ValueError(
            "`--precision`, `--optimize` and `--warmup` are of a SavedModel; leave "
            "them out. "
            f"Received: --format {format}"
        )
    import_keras()
    if format == Format.savedmodel:
        options = {"fold_batch_norm": fold_batch_norm, "optimize": optimize}
        _saved_model(model, out, str(precision), warmup, image, options)
    else:
        _other(model, out, format, fold_batch_norm, image)


def _saved_model(model, out, precision, warmup, images, options):
    from keras_resattn.export import contract
    from keras_resattn.export import export
    from keras_resattn.model_folder import ModelFolder

    folder = ModelFolder.open(model)
    export(folder, out, precision, warmup=warmup, images=images, **options)
    manifest = json.loads((out / contract.MANIFEST).read_text(encoding="utf-8"))
    _tell(manifest["parity"])
    if not manifest["warmup_requests"] and warmup is None:
        typer.echo(
            "It has no warm-up requests, so that its first answers are slow: "
            'pip install "keras-resattn[serve]" and export again.'
        )
    typer.echo(
        f"The SavedModel is {out}. Serve it: keras-resattn serve {out.parents[1]}"
    )


def _other(model, out, format, fold_batch_norm, images):
    from keras_resattn.export import export_format
    from keras_resattn.model_folder import ModelFolder

    path, manifest = export_format(
        ModelFolder.open(model), out, str(format), fold_batch_norm, images
    )
    _tell(manifest["parity"])
    typer.echo(f"The model is {path / manifest['file']}")


def _tell(parity):
    if parity.get("measured") is False:
        typer.echo(f"Not compared with Keras: {parity['runtime']} is not installed.")
        return
    largest = max(_numbers(parity["largest_difference"]))
    typer.echo(
        f"Compared with Keras in float32 on {parity['images']} {parity['source']}: "
        f"largest difference {largest:.1e}, same class on "
        f"{parity['top_1_agreement']:.1%}"
    )


def _numbers(tree):
    if isinstance(tree, dict):
        return [number for value in tree.values() for number in _numbers(value)]
    return [tree]
