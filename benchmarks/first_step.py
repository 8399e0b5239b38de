"""Time the first training step, which traces and optimizes the graph, and later ones.

    python -m benchmarks.first_step 164
    python -m benchmarks.first_step 164 --without remapping

Trains a network for CIFAR-10's images on one batch, as `keras-resattn train` does.
"""

import argparse
import time

import numpy as np

from benchmarks.training_engines import ours

NETWORK = "network.name=cifar_attention{}"
EVERYTHING = "meta_optimizer"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("depth", type=int, help="56, 92, 128, 164, 236, 452")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--steps", type=int, default=6, help="later steps")
    parser.add_argument(
        "--without",
        metavar="PASS",
        help="a pass of TensorFlow's graph optimizer, Grappler, to turn off, such as "
        f"remapping; {EVERYTHING}: all of them",
    )
    options = parser.parse_args()
    make = ours(options.precision, NETWORK.format(options.depth))()
    if options.without:
        turn_off(options.without)
    step = make("cifar10_attention56_short", options.batch)
    first, *later = [timed(step) for _ in range(1 + options.steps)]
    print(
        f"Attention-{options.depth}: first step {first:.1f} s, later "
        f"{np.median(later) * 1e3:.0f} ms (minimum {min(later) * 1e3:.0f})"
    )


def turn_off(name):
    import tensorflow as tf

    setting = {name: False}
    if name == EVERYTHING:
        setting = {f"disable_{name}": True}
    tf.config.optimizer.set_experimental_options(setting)


def timed(step):
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
