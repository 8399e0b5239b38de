"""Draw the curves of deletion and insertion, with their errors."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_resattn.explain.figures.panels import SMALL
from keras_resattn.explain.figures.panels import new_figure
from keras_resattn.typing import Array

# Okabe and Ito's colours, which people with a colour-vision deficiency can tell apart.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
BASELINE = "#666666"
# The height of a line of the legend, in inches.
LEGEND_LINE = 0.17


def faithfulness_figure(
    deletion: Mapping[str, Array],
    insertion: Mapping[str, Array],
    baselines: tuple[str, ...] = ("random", "gaussian"),
) -> Figure:
    """Draw the probability of the class as pixels are deleted and inserted.

    A line is the mean over the images. The band around it is the mean plus and
    minus 1.96 standard errors, `std / sqrt(N)`: 95 % for many images. Baselines are
    grey and dashed. The number in the legend is the area under the line.

    Example:

    >>> maps = {"grad_cam": evidence, **metrics.baseline_maps(evidence.shape)}
    >>> deletion = {
    ...     name: metrics.deletion(predict, inputs, values, classes)[0]
    ...     for name, values in maps.items()
    ... }
    >>> insertion = {
    ...     name: metrics.insertion(predict, inputs, values, classes)[0]
    ...     for name, values in maps.items()
    ... }
    >>> faithfulness_figure(deletion, insertion).savefig("faithfulness.png")

    Args:
        deletion: A dictionary from the names of maps to curves of
            `metrics.deletion`, `(N, steps + 1)`, with at least two images.
        insertion: The same from `metrics.insertion`, with the same names.
        baselines: The names of maps that are baselines.

    Returns:
        A `matplotlib.figure.Figure`, not shown.

    Raises:
        ValueError: If the names differ, or if a curve is of fewer than two images.
    """
    _check(deletion, insertion)
    figure = new_figure(8.5, 3.8 + LEGEND_LINE * (len(deletion) + 1))
    axes = figure.subplots(1, 2, sharey=True)
    count = len(next(iter(deletion.values())))
    for axis, curves, title, label in (
        (axes[0], deletion, "deletion: lower is better", "deleted pixels"),
        (axes[1], insertion, "insertion: higher is better", "inserted pixels"),
    ):
        colors = iter(COLORS * len(curves))
        for name, values in curves.items():
            baseline = name in baselines
            color = BASELINE if baseline else next(colors)
            style = {"random": ":"}.get(name, "--") if baseline else "-"
            _draw(axis, name, np.asarray(values, "float64"), color, style)
        axis.set_title(title, fontsize=SMALL + 2)
        axis.set_xlabel(f"share of {label}")
        axis.set_xlim(0, 1)
        axis.set_ylim(0, 1)
        axis.grid(alpha=0.3)
        # Below, because above it would hide lines.
        axis.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, -0.18),
            fontsize=SMALL,
            title="area",
            title_fontsize=SMALL,
        )
    axes[0].set_ylabel("probability of the class")
    figure.suptitle(
        f"Mean of {count} images, with 95 % error bands", fontsize=SMALL + 2
    )
    return figure


def _draw(axis: Axes, name: str, curves: Array, color: str, style: str) -> None:
    fractions = np.linspace(0, 1, curves.shape[1])
    mean = curves.mean(axis=0)
    error = 1.96 * curves.std(axis=0, ddof=1) / np.sqrt(len(curves))
    area = (mean[1:] + mean[:-1]).mean() / 2
    axis.plot(fractions, mean, style, color=color, label=f"{name}: {area:.2f}")
    axis.fill_between(
        fractions, mean - error, mean + error, color=color, alpha=0.2, linewidth=0
    )


def _check(deletion: Mapping[str, Array], insertion: Mapping[str, Array]) -> None:
    if not deletion or set(deletion) != set(insertion):
        raise ValueError(
            "Pass the curves of the same maps for deletion and insertion. Received: "
            f"{sorted(deletion)} and {sorted(insertion)}"
        )
    for name, curves in [*deletion.items(), *insertion.items()]:
        if np.ndim(curves) != 2 or len(curves) < 2:
            raise ValueError(
                "An error band needs the curves of two images or more, "
                "(N, steps + 1): the first result of `metrics.deletion` or "
                f"`metrics.insertion`. Received: {name!r} of shape {np.shape(curves)}"
            )
