"""`keras-resattn` with a network of its own: `python -m tests.training.tiny_command`.

If `DIE_AT_EPOCH` is set, the process kills itself in the middle of that epoch,
once: `DIED` is the path of a file that says it has. Of several workers, the one
that is not the chief does. `CPUS` is as how many devices TensorFlow sees the CPU.
"""

import functools
import os
import pathlib
import signal

import keras

from keras_resattn import ResidualAttentionNetwork
from keras_resattn import Stage
from keras_resattn import training
from keras_resattn import zoo
from keras_resattn_cli.main import main
from tests import graphs
from tests.training.small_training import split_cpu


class Die(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        died = pathlib.Path(os.environ["DIED"])
        if self.epoch == int(os.environ["DIE_AT_EPOCH"]) and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def add_tiny_network():
    stages = [Stage(8, 2, 1, mask_depth=1)]
    network = functools.partial(
        ResidualAttentionNetwork, stages, "cifar", t=1, default_size=16, name="tiny"
    )
    zoo.NETWORKS["tiny"] = zoo.ModelInfo(network, 0, 0, 16, 10)


if __name__ == "__main__":
    add_tiny_network()
    graphs.keep_as_written()
    if "CPUS" in os.environ:
        split_cpu(int(os.environ["CPUS"]))
    is_chosen = '"index": 1' in os.environ.get("TF_CONFIG", '"index": 1')
    if "DIE_AT_EPOCH" in os.environ and is_chosen:
        # The bar too, which adds to the metrics, as it will when the run goes on.
        shown = [] if "TF_CONFIG" in os.environ else [training.Progress(12)]
        training.fit = functools.partial(training.fit, callbacks=[*shown, Die()])
    main()
