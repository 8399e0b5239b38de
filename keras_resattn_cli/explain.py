"""`keras-resattn explain`."""

import enum
from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.options import takes_model
from keras_resattn_cli.progress import image_progress
from keras_resattn_cli.start import import_keras
from keras_resattn_client.extras import require_extra


class View(enum.StrEnum):
    attention = enum.auto()
    amplification = enum.auto()
    patterns = enum.auto()
    mean = enum.auto()


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


ViewOption = Annotated[
    View,
    typer.Option(
        help="What to draw for each module: where it amplifies the features, and the "
        "patterns of its masks (attention), one of the two, or the mean of the mask "
        "over the channels (mean)."
    ),
]
PatternsOption = Annotated[
    int,
    typer.Option(
        min=1, max=5, metavar="COUNT", help="How many mask patterns to find per module."
    ),
]


@takes_model
def explain(
    opening: ModelOptions,
    model: ModelArgument,
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGES",
            help="PNG, JPEG, GIF, BMP or WebP files of any size, or folders of them.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The folder to write to.", metavar="FOLDER")
    ],
    modules: Annotated[
        list[str] | None,
        typer.Option(
            "--module",
            metavar="NAME",
            help="Show the features of this module, such as stage1_attention1. "
            "Repeatable. Default: all modules.",
        ),
    ] = None,
    view: ViewOption = View.attention,
    patterns: PatternsOption = 4,
    channel: Annotated[
        str,
        typer.Option(
            metavar="RULE|INDEX",
            help="Which channel of a mask to show: an index, 'all' for the mean over "
            "the channels, or a rule. The rules choose the channel with the highest "
            "'energy' (mask times feature), 'variance', 'mean' or 'max' of the mask, "
            "or 'gradient' (the effect of the mask on a class).",
        ),
    ] = "variance",
    label: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="LABEL",
            help="The class for 'gradient' and --evidence. Default: the most probable "
            "class.",
        ),
    ] = None,
    evidence: Annotated[
        list[Evidence] | None,
        typer.Option(
            metavar="METHOD",
            help="Draw class evidence, as NAME.evidence.png: grad_cam, "
            "grad_cam_plus_plus, score_cam, layer_cam or smooth_grad. Repeatable.",
        ),
    ] = None,
    style: Annotated[
        Style,
        typer.Option(
            help="With --view mean: draw masks as colours over the image, as the "
            "brightness of the image, or as contour lines."
        ),
    ] = Style.overlay,
    stretch: Annotated[
        bool,
        typer.Option(
            "--stretch",
            help="With --view mean: stretch each mask over all colours. Otherwise the "
            "colours are for values from 0 to 1.",
        ),
    ] = False,
    channel_grid: Annotated[
        bool,
        typer.Option("--channel-grid", help="Draw each channel and each mask pattern."),
    ] = False,
    animation: Annotated[
        Animation | None,
        typer.Option(
            help="Write an animation of the amplification, module after module; with "
            "--view mean, of the mean masks."
        ),
    ] = None,
    html: Annotated[
        bool,
        typer.Option(
            "--html",
            help="Write interactive.html: one file without a server. It shows each "
            "channel, each pattern, and the masks at a position that you click.",
        ),
    ] = False,
    no_figures: Annotated[
        bool, typer.Option("--no-figures", help="Write no figures and no index.html.")
    ] = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Images per batch.")] = 8,
) -> None:
    """Show what attention does with images: masks, features, class evidence.

    Writes arrays.npz and, for each image, NAME.masks.png (see --view) and
    NAME.triptych.png (a feature before its mask, the mask, the feature after it).
    index.html shows them all. A mask is not evidence for a class. If an image cannot
    be read, the others are still explained, and the exit code is 1.
    """
    if html or not no_figures:
        require_extra("vis", "`explain` with figures", ("jinja2", "matplotlib", "PIL"))
    if html or (not no_figures and view in (View.attention, View.patterns)):
        require_extra("vis", "Finding mask patterns", ("sklearn",))
    if evidence:
        require_extra("vis", "`explain --evidence`", ("scipy", "tf_keras_vis"))
    import_keras()

    from keras_resattn.explain.writing import write_explanations
    from keras_resattn_cli.readable_images import readable_images

    folder = opening.open(model)
    with readable_images(images, folder.preprocessing, out) as found:
        with image_progress() as progress:
            task = progress.add_task("", total=len(found))
            path = write_explanations(
                folder,
                found,
                out,
                modules=modules or None,
                channel=_index_or_rule(channel),
                label=label,
                evidence=[method.value for method in evidence or ()],
                figures=not no_figures,
                style=style.value,
                stretch=stretch,
                channel_grid=channel_grid,
                view=view.value,
                pattern_count=patterns,
                html=html,
                animation=animation and animation.value,
                batch_size=batch_size,
                advance=lambda count: progress.advance(task, count),
            )
        count = "1 image is" if len(found) == 1 else f"{len(found)} images are"
        typer.echo(f"{count} explained in {path}.")


def _index_or_rule(channel: str) -> int | str:
    try:
        return int(channel)
    except ValueError:
        return channel
