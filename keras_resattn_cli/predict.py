"""`keras-resattn predict`."""

import enum
import functools
from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.start import import_keras


class Engine(enum.StrEnum):
    local = enum.auto()
    ray = enum.auto()


def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="[MODEL] IMAGES...",
            help="A model folder, made by `train` (left out with --server), then "
            "PNG, JPEG, GIF, BMP or WebP files, and folders that are searched for "
            "them.",
        ),
    ],
    server: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Ask a server in place of a model folder: http://HOST:8501 (REST) "
            "or grpc://HOST:8500, or the model's URL as `serve` prints it.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="With --server: which of its models, if the URL does not tell.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write FILE.csv or FILE.jsonl. Images that are in it already are "
            "left out: the same command goes on after an interruption.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Begin FILE anew.")
    ] = False,
    top: Annotated[
        int, typer.Option(min=1, help="How many classes a table or CSV shows.")
    ] = 5,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print a line of JSON an image, with every probability (of a "
            "server, those of its best classes).",
        ),
    ] = False,
    batch_size: Annotated[
        int, typer.Option(min=1, help="How many images to compute at a time.")
    ] = 32,
    timeout: Annotated[
        float, typer.Option(help="With --server: seconds to wait for a batch.")
    ] = 30.0,
    ca_certificates: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --server: the authorities to trust (PEM), by default those "
            "of the system.",
        ),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(help="Predict in this process, or by workers of a Ray cluster."),
    ] = Engine.local,
    workers: Annotated[
        int, typer.Option(min=1, help="With --engine ray: the number of workers.")
    ] = 2,
):
    """Classify images: the most probable classes of each.

    An image that cannot be read does not stop the others; the exit code is 1.
    A server's API key is taken from KERAS_RESATTN_API_KEY.
    """
    from keras_resattn_cli.prediction_output import print_results
    from keras_resattn_cli.prediction_output import write_results
    from keras_resattn_client.image_files import find_images

    _check_output(out, overwrite, as_json)
    model, images = _model_and_images(paths, server, name, engine)
    images = find_images(images)
    if server is not None:
        options = {"timeout": timeout, "batch_size": batch_size}
        options["ca_certificates"] = ca_certificates
        classify = functools.partial(_ask, server, name, options)
    elif engine is Engine.ray:
        classify = functools.partial(_classify_with_ray, model, batch_size, workers)
    else:
        classify = functools.partial(_classify, model, batch_size)
    if out is not None:
        write_results(classify, images, out, top, overwrite)
    else:
        print_results(classify, images, top, as_json)


def _check_output(out, overwrite, as_json):
    if out is not None and as_json:
        raise typer.BadParameter(
            "--json prints; for a file of JSON lines give --out FILE.jsonl alone. "
            f"Received: --out {out} --json"
        )
    if out is None and overwrite:
        raise typer.BadParameter(
            "it begins a file anew, which is missing: --out FILE. Received: --overwrite"
        )


def _model_and_images(paths, server, name, engine):
    if server is None and name is not None:
        raise typer.BadParameter(
            "it names a model of a server, whose address is missing: --server URL. "
            f"Received: --model {name}"
        )
    if server is not None and engine is Engine.ray:
        raise typer.BadParameter(
            "Ray's workers take a model folder; leave out --server or --engine ray."
        )
    if server is not None and (paths[0] / "model.keras").is_file():
        raise typer.BadParameter(
            "the model is the server's; give only images with --server. "
            f"Received: {paths[0]}"
        )
    if server is not None:
        return None, paths
    if len(paths) < 2:
        raise typer.BadParameter(
            "give a model folder and then images, or images and --server URL. "
            f"Received: {paths[0]}"
        )
    return paths[0], paths[1:]


def _ask(server, name, options, paths):
    """Yield the results of images that a server classifies."""
    from keras_resattn_client import Client
    from keras_resattn_client.bulk import RemoteClassifier
    from keras_resattn_client.bulk import classify_all

    with Client(server, name, **options) as client:
        yield from classify_all(paths, RemoteClassifier(client), client.batch_size)


def _classify(model, batch_size, paths):
    """Yield the results of images that this process classifies."""
    import_keras()

    from keras_resattn.local_classifier import LocalClassifier
    from keras_resattn_client.bulk import classify_all

    yield from classify_all(paths, LocalClassifier(model), batch_size)


def _classify_with_ray(model, batch_size, workers, paths):
    """Yield the results of images that workers of Ray classify."""
    import_keras()

    from keras_resattn.model_folder import ModelFolder
    from keras_resattn.on_ray.prediction import classify_with_ray

    ModelFolder.open(model)
    yield from classify_with_ray(model, paths, batch_size, workers)
