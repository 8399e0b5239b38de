"""Evaluate masks, class evidence and baselines by metrics on CIFAR-10, in one table.

    python -m benchmarks.explanations --data-dir ~/tensorflow_datasets
    python -m benchmarks.explanations ... --figure docs/deletion_and_insertion.png

Prints the mean and the standard error of each metric over the first test images, with
the weights "cifar10", for the predicted class. CIFAR-10 has no bounding boxes, so the
pointing game is not measured. `--figure` also draws the curves of deletion and
insertion of some of the maps.
"""

import argparse
import sys

import keras
import numpy as np
import tensorflow as tf

import keras_resattn
from benchmarks.cifar10_images import test_images
from keras_resattn import explain
from keras_resattn.explain import mean_masks
from keras_resattn.explain import metrics
from keras_resattn.explain.evidence import METHODS
from keras_resattn.explain.evidence import class_evidence
from keras_resattn.explain.resizing import resized

BASELINES = ("random", "gaussian")
ATTRIBUTION = (explain.integrated_gradients, explain.hires_cam, explain.occlusion)
# In the figure; more lines would hide each other.
DRAWN = ("mean mask of stage1_attention1", "grad_cam", "integrated_gradients")
COLUMNS = (
    "deletion AUC, lower is better",
    "insertion AUC, higher",
    "ROAD, lower",
    "average drop, lower",
    "increase in confidence, higher",
    "correlation after randomization, near 0",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--sanity-count", type=int, default=16)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--maps", nargs="+", help="only these rows of the table")
    parser.add_argument("--figure", help="a file to draw the curves to")
    options = parser.parse_args()
    model = keras_resattn.cifar.Attention56(weights="cifar10")
    images, truth = test_images(options.data_dir, options.count)
    inputs = np.asarray(keras_resattn.cifar.preprocess_input(images), "float32")
    probabilities = model.predict(inputs, batch_size=128, verbose=0)
    classes = probabilities.argmax(axis=1)
    print(f"```\npython -m benchmarks.explanations {' '.join(sys.argv[1:])}\n```\n")
    print(
        f"TensorFlow {tf.__version__}, Keras {keras.__version__}, seed {options.seed}, "
        f"the first {len(inputs)} test images, {np.mean(classes == truth):.1%} of them "
        f"classified correctly; the last column: the first {options.sanity_count}.\n"
    )
    print(f"| map | {' | '.join(COLUMNS)} |\n|---{'|---' * len(COLUMNS)}|", flush=True)
    curves = {}
    explainers = _explainers(classes, options.seed)
    for name in options.maps or explainers:
        cells, *curves[name] = _measure(
            model, inputs, classes, explainers[name], options
        )
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    if options.figure:
        drawn = [{n: curves[n][i] for n in (*DRAWN, *BASELINES)} for i in (0, 1)]
        figure = explain.faithfulness_figure(*drawn, baselines=BASELINES)
        figure.savefig(options.figure, dpi=110)


def _explainers(classes, seed):
    """Return functions from a model and images to maps, by name."""
    modules = [f"stage{i}_attention1" for i in (1, 2, 3)]
    explainers = {
        f"mean mask of {name}": lambda model, inputs, name=name: resized(
            mean_masks(model, inputs)[name], inputs.shape[1:3]
        )
        for name in modules
    }
    for method in METHODS:
        explainers[method] = lambda model, inputs, method=method: class_evidence(
            model, inputs, method, classes[: len(inputs)], seed=seed
        )
    for method in ATTRIBUTION:
        explainers[method.__name__] = lambda model, inputs, method=method: method(
            model, inputs, classes[: len(inputs)]
        )
    for name in BASELINES:
        explainers[name] = lambda model, inputs, name=name: metrics.baseline_maps(
            inputs.shape[:3], seed
        )[name]
    return explainers


def _measure(model, inputs, classes, explainer, options):
    """Return the cells of a map, and its curves of deletion and insertion."""
    maps = explainer(model, inputs)
    arguments = (metrics.predictor(model), inputs, maps, classes)
    few = inputs[: options.sanity_count]
    deletion, deletion_areas = metrics.deletion(*arguments, steps=options.steps)
    insertion, insertion_areas = metrics.insertion(*arguments, steps=options.steps)
    values = (
        deletion_areas,
        insertion_areas,
        metrics.road(*arguments, seed=options.seed)[1],
        metrics.average_drop(*arguments),
        metrics.increase_in_confidence(*arguments),
        metrics.parameter_randomization(
            model, lambda other: explainer(other, few), options.seed
        ),
    )
    errors = [value.std(ddof=1) / np.sqrt(len(value)) for value in values]
    cells = [
        f"{value.mean():.3f} ± {error:.3f}"
        for value, error in zip(values, errors, strict=True)
    ]
    return cells, deletion, insertion


if __name__ == "__main__":
    main()
