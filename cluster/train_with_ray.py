"""Train by a recipe on a Ray cluster: see cluster/README.md."""

import argparse

from keras_resattn.recipe_file import load_recipe
from keras_resattn.training.ray_engine import train_with_ray


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="a recipe's name or a YAML file")
    parser.add_argument("out", help="the model folder to make, on a shared disk")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sync-batch-norm", action="store_true")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    recipe = load_recipe(options.recipe, options.set)
    folder = train_with_ray(
        recipe,
        options.out,
        options.workers,
        sync_batch_norm=options.sync_batch_norm,
    )
    print(f"The model folder is {folder.path}.")


if __name__ == "__main__":
    main()
