"""`keras-resattn predict`."""

import functools
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Any

import typer

from keras_resattn_cli.options import MODEL_HELP
from keras_resattn_cli.options import Engine
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.options import takes_model
from keras_resattn_cli.start import import_keras
from keras_resattn_cli.usage import usage_errors
from keras_resattn_client.extras import require_extra
from keras_resattn_client.image_files import EXTENSIONS
from keras_resattn_client.results import check_name

TIMEOUT = 30.0  # seconds per batch
WORKERS = 2

if TYPE_CHECKING:
    from keras_resattn_cli.prediction_output import Classify
    from keras_resattn_client.result_formats import Result


@takes_model
def predict(
    opening: ModelOptions,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] IMAGES",
            help=f"{MODEL_HELP} Then PNG, JPEG, GIF, BMP or WebP files, or folders of "
            "them. With --server, leave out MODEL.",
        ),
    ],
    server: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Ask a server: http://HOST:8501 (REST), grpc://HOST:8500, or the "
            "URL of the model that `serve` prints.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="With --server: the name of the model, if the URL does not have it.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the results to FILE.csv or FILE.jsonl. Run the command again "
            "to resume: images that are already in the file are skipped.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace FILE.")
    ] = False,
    excel: Annotated[
        bool,
        typer.Option(
            "--excel",
            help="Only with --out FILE.csv: write UTF-8 with a byte order mark, so "
            "that Excel shows umlauts and other letters correctly.",
        ),
    ] = False,
    top: Annotated[
        int,
        typer.Option(min=1, help="The largest number of classes in a table or CSV."),
    ] = 5,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one line of JSON per image, with every probability. With "
            "--server, only with those of the best classes.",
        ),
    ] = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Images per batch.")] = 32,
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help=f"With --server: the seconds to wait per batch. Default: {TIMEOUT:g}.",
            show_default=False,
        ),
    ] = None,
    ca_certificates: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help="With --server: a PEM file of the certificate authorities to trust. "
            "Default: those of the system.",
        ),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(
            help="Predict in this process, or on the workers of a Ray cluster."
        ),
    ] = Engine.local,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"With --engine ray: the number of workers. Default: {WORKERS}.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Classify images: show the most probable classes of each.

    If an image cannot be read, the others are still classified, and the exit code
    is 1. The API key of a server is read from KERAS_RESATTN_API_KEY.
    """
    from keras_resattn_cli.prediction_output import print_results
    from keras_resattn_cli.prediction_output import write_results
    from keras_resattn_cli.progress import print_left_out
    from keras_resattn_client.image_files import LeftOut
    from keras_resattn_client.image_files import find_images

    _check_output(out, overwrite, as_json, excel)
    if server is not None:
        _check_server(server, name, ca_certificates)
        _refuse_beside_server(server, paths[0], opening, engine)
    else:
        _refuse_without_server(name, ca_certificates, timeout)
    if workers is not None and engine is not Engine.ray:
        raise typer.BadParameter(
            f"--workers is for Ray; add --engine ray. Received: --workers {workers}"
        )
    images = _images(paths, server)
    _require_extras(server, engine)
    left_out = LeftOut()
    images = find_images(images, left_out, keep_missing=True)
    print_left_out(left_out)
    classify: Classify
    if server is not None:
        options = {
            "timeout": timeout or TIMEOUT,
            "batch_size": batch_size,
            "ca_certificates": ca_certificates,
        }
        classify = functools.partial(_ask, server, name, options)
    elif engine is Engine.ray:
        classify = functools.partial(
            _classify_with_ray, opening, paths[0], batch_size, workers or WORKERS
        )
    else:
        classify = functools.partial(_classify, opening, paths[0], batch_size)
    if out is not None:
        write_results(classify, images, out, top, overwrite, excel)
    else:
        print_results(classify, images, top, as_json)


def _refuse_without_server(
    name: str | None, ca_certificates: Path | None, timeout: float | None
) -> None:
    """Raise a usage error if an option for a server is given."""
    options = {
        "--model": name,
        "--ca-certificates": ca_certificates,
        "--timeout": timeout,
    }
    for option, value in options.items():
        if value is not None:
            raise typer.BadParameter(
                "--model, --ca-certificates and --timeout are for a server; add its "
                f"address: --server URL. Received: {option} {value}"
            )


def _check_output(
    out: Path | None, overwrite: bool, as_json: bool, excel: bool
) -> None:
    if out is not None and as_json:
        raise typer.BadParameter(
            "--json prints the results; for a file of JSON lines give only "
            f"--out FILE.jsonl. Received: --out {out} --json"
        )
    if out is None and overwrite:
        raise typer.BadParameter(
            "--overwrite needs the file to replace: --out FILE. Received: --overwrite"
        )
    if out is not None:
        with usage_errors():
            check_name(out)
    if excel and (out is None or out.suffix.lower() != ".csv"):
        given = f" --out {out}" if out else ""
        raise typer.BadParameter(
            f"--excel needs a file of CSV: --out FILE.csv. Received: --excel{given}"
        )


def _check_server(server: str, name: str | None, ca_certificates: Path | None) -> None:
    """Raise a usage error if it is no address, or certificates do not fit to it."""
    from keras_resattn_client.target import Tls
    from keras_resattn_client.target import check_encryption
    from keras_resattn_client.target import parse_target

    with usage_errors():
        tls = Tls(ca_certificates)
        check_encryption(parse_target(server, name), tls)
        tls.context()


def _refuse_beside_server(
    server: str, first: str, opening: ModelOptions, engine: Engine
) -> None:
    """Raise a usage error if other arguments do not fit to --server."""
    if engine is Engine.ray:
        raise typer.BadParameter(
            "Ray's workers need a model folder; leave out --server or --engine ray. "
            f"Received: --server {server} --engine ray"
        )
    if opening != ModelOptions():
        raise typer.BadParameter(
            "The server has the model; the options for a .keras file, and "
            "--allow-code, only work without --server. Leave them out. "
            f"Received: --server {server}"
        )
    if _names_a_model(first):
        raise typer.BadParameter(
            "The server has the model. With --server, give only images, without "
            f"MODEL. Received: {first}"
        )


def _names_a_model(path: str) -> bool:
    if Path(path).exists():
        return path.endswith(".keras") or (Path(path) / "model.keras").is_file()
    is_image = Path(path).suffix.lower() in EXTENSIONS
    if is_image or importlib.util.find_spec("tensorflow") is None:
        return False  # the client also runs without TensorFlow
    import_keras()

    from keras_resattn.model_source import is_model

    return is_model(path)


def _require_extras(server: str | None, engine: Engine) -> None:
    if server is not None:
        # Only one of the libraries is needed, and Pillow only to resize images.
        modules = ("httpx",) if server.startswith("http") else ("grpc",)
        require_extra("client", "`predict --server`", modules)
    if engine is Engine.ray:
        require_extra("ray", "`predict --engine ray`")


def _images(paths: list[str], server: str | None) -> list[Path]:
    """Return the paths of images; without a server, the first path is the model."""
    if server is not None:
        return [Path(path) for path in paths]
    if len(paths) < 2:
        raise typer.BadParameter(
            "give a model and then images, or images and --server URL. "
            f"Received: {paths[0]}"
        )
    return [Path(path) for path in paths[1:]]


def _ask(
    server: str, name: str | None, options: dict[str, Any], paths: list[Path]
) -> "Iterator[list[Result]]":
    """Yield the results of images that a server classifies."""
    from keras_resattn_client import Client
    from keras_resattn_client.bulk import RemoteClassifier
    from keras_resattn_client.bulk import classify_all

    with Client(server, name, **options) as client:
        yield from classify_all(paths, RemoteClassifier(client), client.batch_size)


def _classify(
    opening: ModelOptions, model: str, batch_size: int, paths: list[Path]
) -> "Iterator[list[Result]]":
    """Yield the results of images that this process classifies."""
    import_keras()

    from keras_resattn.local_classifier import LocalClassifier
    from keras_resattn_client.bulk import classify_all

    yield from classify_all(paths, LocalClassifier(opening.open(model)), batch_size)


def _classify_with_ray(
    opening: ModelOptions, model: str, batch_size: int, workers: int, paths: list[Path]
) -> "Iterator[list[Result]]":
    """Yield the results of images that the workers of a Ray cluster classify."""
    import_keras()

    from keras_resattn.on_ray.prediction import classify_with_ray

    folder = opening.open(model)
    allow_code = opening.allow_code
    yield from classify_with_ray(folder.path, paths, batch_size, workers, allow_code)
