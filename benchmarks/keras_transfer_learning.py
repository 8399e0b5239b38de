"""Fine-tune as in Keras' guide, without the training of this package.

    python -m benchmarks.keras_transfer_learning FOLDER --size 32 --epochs 8

FOLDER has the folders train, valid and test. The steps, the optimizer and the learning
rates are those of https://keras.io/guides/transfer_learning: train a new classifier on
the frozen body, then all layers at 1e-5, with batch normalization in inference mode.
The body is Attention-56 with the weights "cifar10". The last line is a JSON object.
"""

import argparse
import json
import time

import keras

import keras_resattn


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--size", type=int, required=True, help="pixels")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--precision", default="float32")
    options = parser.parse_args()
    precision = options.precision
    keras.config.set_dtype_policy(
        precision if precision == "float32" else f"mixed_{precision}"
    )
    keras.utils.set_random_seed(0)
    train, valid, test = (
        _images(options, split) for split in ("train", "valid", "test")
    )
    start = time.perf_counter()
    model, body = _network(len(train.class_names), options.size)
    augment = keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomTranslation(0.125, 0.125, fill_mode="constant"),
        ]
    )
    train = train.map(lambda x, y: (augment(x, training=True), y)).prefetch(2)
    _fit(model, train, valid, keras.optimizers.Adam(), options.epochs // 2)
    body.trainable = True
    rest = options.epochs - options.epochs // 2
    _fit(model, train, valid, keras.optimizers.Adam(1e-5), rest)
    seconds = time.perf_counter() - start
    accuracy = model.evaluate(test, verbose=0)[1]
    print(json.dumps({"accuracy": accuracy, "seconds": seconds}))


def _images(options, split):
    return keras.utils.image_dataset_from_directory(
        f"{options.folder}/{split}",
        image_size=(options.size, options.size),
        crop_to_aspect_ratio=True,
        shuffle=split == "train",
        seed=0,
    )


def _network(classes, size):
    body = keras_resattn.cifar.Attention56(
        include_top=False, weights="cifar10", input_shape=(size, size, 3), pooling="avg"
    )
    body.trainable = False
    inputs = keras.Input((size, size, 3))
    x = keras_resattn.cifar.preprocess_input(inputs)
    x = body(x, training=False)
    x = keras.layers.Dropout(0.2)(x)
    x = keras.layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, x), body


def _fit(model, train, valid, optimizer, epochs):
    loss = keras.losses.SparseCategoricalCrossentropy()
    model.compile(optimizer, loss, metrics=["accuracy"])
    model.fit(train, validation_data=valid, epochs=epochs, verbose=2)


if __name__ == "__main__":
    main()
