"""Measure the training speed of recipes: with data, without, on several devices.

    python -m benchmarks.training cifar10_attention56 --data-dir ~/tensorflow_datasets
    python -m benchmarks.training demo --steps 40

Each line is measured in a process of its own:

* with the data of the recipe,
* with the same batch in each step: the limit for any data pipeline,
* with the batch divided between two logical CPUs,
* with the batch divided between two processes.

All use the same cores, so the last two show the cost of dividing a batch. Memory is the
peak of a process.
"""

import argparse
import json
import math
import os
import resource
import socket
import subprocess
import sys

KINDS = (
    "with its data",
    "one batch again and again",
    "two logical devices",
    "two processes",
)
STRATEGIES = dict(zip(KINDS, ("none", "none", "mirrored", "multiworker"), strict=True))


def measure(name, kind, steps, settings):
    """Train some steps and return their speed and the peak memory."""
    import tensorflow as tf

    from keras_resattn.data import load
    from keras_resattn.data import steps_per_epoch
    from keras_resattn.data import training_batches
    from keras_resattn.model_folder import preprocessing_of
    from keras_resattn.recipes.files import load_recipe
    from keras_resattn.training import Progress
    from keras_resattn.training.build import build_model
    from keras_resattn.training.distribution import choose_strategy

    if kind == KINDS[2]:
        cpu = tf.config.list_physical_devices("CPU")[0]
        halves = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, halves)
    # This must come first: TensorFlow connects to other processes before it computes.
    strategy = choose_strategy(STRATEGIES[kind])
    recipe = load_recipe(name, settings)
    preprocessing = preprocessing_of(recipe)
    data = load(recipe.data, preprocessing, recipe.seed)
    batch_size, classes = recipe.train.batch_size, len(data.labels)
    _, model = build_model(
        recipe,
        preprocessing,
        classes,
        steps_per_epoch(data.train, batch_size),
        strategy,
    )
    batches = training_batches(
        data.train,
        preprocessing,
        batch_size,
        classes,
        recipe.augmentation,
        epochs=10**6,
    )
    if kind == KINDS[1]:
        batches = batches.take(1).cache().repeat()
    progress = Progress(batch_size)
    # The first epoch fills caches and traces the functions.
    history = model.fit(
        batches, steps_per_epoch=steps, epochs=2, verbose=0, callbacks=[progress]
    ).history
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "steps/s": history["images_per_second"][-1] / batch_size,
        "images/s": history["images_per_second"][-1],
        "data wait": history["data_wait"][-1],
        "GiB": memory,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", nargs="+")
    parser.add_argument("--data-dir")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--kind", choices=KINDS, help="measure only this; print JSON")
    options = parser.parse_args()
    settings = options.set
    if options.data_dir:
        settings = [*settings, f"data.data_dir={json.dumps(options.data_dir)}"]
    if options.kind:
        name, kind = options.recipe[0], options.kind
        print(json.dumps(measure(name, kind, options.steps, settings)))
        return
    print("| recipe | | steps/s | images/s | data wait | GiB |")
    print("|---|---|---|---|---|---|")
    for name in options.recipe:
        for kind in KINDS:
            found = run(name, kind, options.steps, settings)
            wait = found["data wait"]
            wait = "not timed" if math.isnan(wait) else f"{wait:.1%}"
            print(
                f"| {name} | {kind} | {found['steps/s']:.2f} | {found['images/s']:.0f} "
                f"| {wait} | {found['GiB']:.1f} |",
                flush=True,
            )


def run(name, kind, steps, settings, environment=None):
    """Measure in one or two new processes; return what the first measured."""
    command = [sys.executable, "-m", "benchmarks.training", name, "--kind", kind]
    command += ["--steps", str(steps)]
    for setting in settings:
        command += ["--set", setting]
    clusters = two_workers() if kind == KINDS[3] else [{}]
    processes = [
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **cluster, **(environment or {})},
        )
        for cluster in clusters
    ]
    outputs = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        sys.exit(f"The benchmark of {name} ({kind}) failed; see the error above.")
    return json.loads(outputs[0].splitlines()[-1])


def two_workers():
    """Return the environment of each of two workers on this machine (TF_CONFIG)."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    workers = [f"127.0.0.1:{server.getsockname()[1]}" for server in sockets]
    for server in sockets:
        server.close()
    return [
        {
            "TF_CONFIG": json.dumps(
                {
                    "cluster": {"worker": workers},
                    "task": {"type": "worker", "index": index},
                }
            )
        }
        for index in range(2)
    ]


if __name__ == "__main__":
    main()
