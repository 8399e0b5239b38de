"""How TensorFlow treats the graphs of tests."""

import keras


def keep_as_written():
    """Spare the time in which TensorFlow optimizes graphs, a third of a small fit.

    Servers and most commands that tests start, in processes of their own, optimize.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
