"""`keras-resattn explain`."""

import enum
from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.progress import image_progress
from keras_resattn_cli.start import import_keras


class Style(enum.StrEnum):
    overlay = enum.auto()
    masked = enum.auto()
    contour = enum.auto()


class Animation(enum.StrEnum):
    gif = enum.auto()
    png = enum.auto()


class Evidence(enum.StrEnum):
    grad_cam = enum.auto()
    grad_cam_plus_plus = enum.auto()
    score_cam = enum.auto()
    layer_cam = enum.auto()
    smooth_grad = enum.auto()


def explain(
    model: ModelArgument,
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGES...",
            help="PNG, JPEG, GIF, BMP or WebP files of any size, and folders that are "
            "searched for them.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Where to write.", metavar="FOLDER")],
    modules: Annotated[
        list[str] | None,
        typer.Option(
            "--module",
            metavar="NAME",
            help="Which modules' features to show, such as stage1_attention1. Can be "
            "given again. Default: all.",
        ),
    ] = None,
    channel: Annotated[
        str,
        typer.Option(
            metavar="RULE|INDEX",
            help="Which channel to show: that of the highest 'energy' (mask times "
            "feature), 'variance', 'mean' or 'max' of the mask, 'gradient' (what the "
            "mask does for a class); an index; or 'all', their mean.",
        ),
    ] = "energy",
    label: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="LABEL",
            help="The class of 'gradient' and --evidence. Default: the most probable.",
        ),
    ] = None,
    evidence: Annotated[
        list[Evidence] | None,
        typer.Option(
            metavar="METHOD",
            help="Draw class evidence beside the masks: grad_cam, grad_cam_plus_plus, "
            "score_cam, layer_cam or smooth_grad. Can be given again.",
        ),
    ] = None,
    style: Annotated[
        Style,
        typer.Option(help="Masks in colours, as brightness of the image, as lines."),
    ] = Style.overlay,
    stretch: Annotated[
        bool,
        typer.Option(
            "--stretch", help="Give each mask all colours, not those of 0 to 1."
        ),
    ] = False,
    channel_grid: Annotated[
        bool,
        typer.Option("--channel-grid", help="Draw every channel of these modules."),
    ] = False,
    animation: Annotated[
        Animation | None,
        typer.Option(help="Animate the masks through the modules."),
    ] = None,
    no_figures: Annotated[
        bool, typer.Option("--no-figures", help="Write arrays.npz alone.")
    ] = False,
    batch_size: Annotated[
        int, typer.Option(min=1, help="How many images to compute at a time.")
    ] = 8,
):
    """Show what attention does with images: masks, figure 1, class evidence.

    Writes arrays.npz, for each image NAME.masks.png and NAME.triptych.png (a
    feature before its mask, the mask, the feature after it), and index.html,
    which shows them. A mask is no evidence for a class.
    """
    import_keras()

    from keras_resattn.explain.writing import write_explanations
    from keras_resattn.model_folder import ModelFolder
    from keras_resattn_client.image_files import find_images

    folder = ModelFolder.open(model)
    images = find_images(images)
    with image_progress() as progress:
        task = progress.add_task("", total=len(images))
        path = write_explanations(
            folder,
            images,
            out,
            modules=modules or None,
            channel=_index_or_rule(channel),
            label=label,
            evidence=[method.value for method in evidence or ()],
            figures=not no_figures,
            style=style.value,
            stretch=stretch,
            channel_grid=channel_grid,
            animation=animation and animation.value,
            batch_size=batch_size,
            advance=lambda count: progress.advance(task, count),
        )
    count = "1 image is" if len(images) == 1 else f"{len(images)} images are"
    typer.echo(f"{count} explained in {path}")


def _index_or_rule(channel):
    try:
        return int(channel)
    except ValueError:
        return channel
