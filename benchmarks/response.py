"""Measure the response by depth of residual and naive attention, with random weights.

    python -m benchmarks.response --data-dir ~/tensorflow_datasets --out docs

The paper shows it for Attention-164 trained on CIFAR-10. Here nothing is trained, so
the result depends only on the architecture and the initialization. Batches are
normalized by their own statistics, as in the first step of training.
"""

import argparse
from pathlib import Path

import keras

import keras_resattn
from keras_resattn.data import Preprocessing
from keras_resattn.data import load
from keras_resattn.data import sample_batches
from keras_resattn.experiments import mean_response
from keras_resattn.experiments import module_outputs
from keras_resattn.experiments import write_response
from keras_resattn.recipes.settings import Data


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="cifar_attention164")
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--data-dir")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("response_at_initialization"))
    arguments = parser.parse_args()

    preprocessing = Preprocessing(
        (32, 32, 3), keras_resattn.cifar.MEAN, keras_resattn.cifar.STD
    )
    settings = Data(name=arguments.data, data_dir=arguments.data_dir)
    test = load(settings, preprocessing).test
    responses = {}
    for attention in ("residual", "naive"):
        keras.utils.set_random_seed(arguments.seed)
        model = keras_resattn.create_model(arguments.network, attention=attention)
        batches = sample_batches(
            test, preprocessing, arguments.batch_size, arguments.images, arguments.seed
        )
        images = (images for images, _ in batches.as_numpy_iterator())
        label = f"{attention}, random weights"
        responses[label] = mean_response(model, images, training=True)
    for label, blocks in responses.items():
        print(label)
        for module, block in module_outputs(blocks).items():
            print(f"  {module}: {blocks[block].mean():.4f}")
    write_response(responses, arguments.out)


if __name__ == "__main__":
    main()
