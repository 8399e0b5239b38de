"""Training and evaluation by a recipe (TensorFlow)."""

from keras_resattn.training.callbacks import Progress
from keras_resattn.training.callbacks import SaveModel
from keras_resattn.training.evaluation import Evaluation
from keras_resattn.training.evaluation import evaluate
from keras_resattn.training.fit import compile_model
from keras_resattn.training.fit import fit

__all__ = [
    "Evaluation",
    "Progress",
    "SaveModel",
    "compile_model",
    "evaluate",
    "fit",
]
