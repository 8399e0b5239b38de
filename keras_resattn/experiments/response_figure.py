"""Draw the strength of the signal by depth, for several networks (extra `vis`)."""

import csv
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from keras_resattn.atomic_writing import write_beside
from keras_resattn.experiments.response import module_outputs
from keras_resattn.explain.figures.panels import Figure
from keras_resattn.explain.figures.panels import new_figure
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # safe for the colour-blind


def response_figure(
    responses: Mapping[str, Mapping[str, Array]], title: str | None = None
) -> Figure:
    """Draw the mean absolute response of every block by depth.

    Large dots are the outputs of attention modules, small dots those of other blocks,
    averaged over the images. 80 % of the images are within the band.

    Example:

    >>> responses = {"residual": mean_response(residual, images)}
    >>> responses["naive"] = mean_response(naive, images)
    >>> response_figure(responses).savefig("response.png")

    Args:
        responses: A dictionary from the names of one to four networks to their
            results of `mean_response`.
        title: Optional string, above the figure.

    Returns:
        A `matplotlib.figure.Figure`, not shown.

    Raises:
        ValueError: If there are no networks, or more than four.
    """
    if not 1 <= len(responses) <= len(COLORS):
        raise ValueError(
            f"A figure shows one to {len(COLORS)} networks. Received: {list(responses)}"
        )
    from matplotlib import ticker

    blocks = max(responses.values(), key=len)
    width = min(12, max(6, 3 + 0.2 * len(blocks)))
    figure = new_figure(width, 3.8)
    axis = figure.subplots()
    lines = zip(responses.items(), COLORS, ("o-", "s--", "^-.", "v:"), strict=False)
    for (name, response), color, style in lines:
        _draw(axis, name, response, color, style)
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 3, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_locator(ticker.NullLocator())
    axis.set_ylabel("mean absolute response")
    axis.set_xlabel("attention module, by depth")
    axis.grid(axis="y", color="0.9", linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    axis.margins(x=0.02)
    _mark_depth(axis, list(blocks))
    axis.legend(frameon=False)
    if title is not None:
        axis.set_title(title, fontsize=10, pad=20)
    return figure


def write_response(
    responses: Mapping[str, Mapping[str, Array]], folder: StrPath
) -> None:
    """Write `response.csv`, one row per block, and `response.png` into a folder.

    Args:
        responses: See `response_figure`.
        folder: The path of the folder. It is created if it does not exist.
    """
    folder, figure = Path(folder), response_figure(responses)
    write_beside(folder / "response.csv", lambda path: _write_rows(responses, path))
    write_beside(folder / "response.png", lambda path: figure.savefig(path, dpi=110))


def _write_rows(responses, path):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow("network depth block images mean standard_deviation".split())
        for network, blocks in responses.items():
            for depth, (block, values) in enumerate(blocks.items(), start=1):
                numbers = len(values), float(values.mean()), float(values.std())
                writer.writerow([network, depth, block, *numbers])


def _draw(axis, name, response, color, style):
    mean = np.array([values.mean() for values in response.values()])
    band = [np.percentile(values, (10, 90)) for values in response.values()]
    depth = np.arange(len(mean))
    axis.plot(depth, mean, ".", color=color, markersize=3)
    axis.plot(
        *(depth, mean, style),
        color=color,
        linewidth=1,
        markersize=6,
        markevery=_places(response),
        label=name,
    )
    axis.fill_between(depth, *np.transpose(band), color=color, alpha=0.12, linewidth=0)


def _places(blocks):
    """Return the positions of the outputs of modules among the blocks."""
    places = {name: i for i, name in enumerate(blocks)}
    return [places[name] for name in module_outputs(blocks).values()]


def _mark_depth(axis, blocks):
    """Print the modules below and the stages above, with lines between stages."""
    names = module_outputs(blocks)
    labels = [re.sub(r"stage(\d+)_attention", r"\1.", name) for name in names]
    axis.set_xticks(_places(blocks), labels, fontsize=8)
    starts = {}
    for i, name in enumerate(blocks):
        stage = re.match(r"stage(\d+)_", name)
        if stage:
            starts.setdefault(f"stage {stage[1]}", i)
    for i, (stage, start) in enumerate(starts.items()):
        if i:
            axis.axvline(start - 0.5, color="0.7", linewidth=0.8)
        axis.text(
            start - 0.3, 1.02, stage, transform=axis.get_xaxis_transform(), fontsize=9
        )
