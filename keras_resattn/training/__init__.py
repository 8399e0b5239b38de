"""Training and evaluation by a recipe (TensorFlow)."""

from keras_resattn.optimizer import CoupledSGD
from keras_resattn.optimizer import WarmUpAndDecline
from keras_resattn.optimizer import compile_model
from keras_resattn.training.callbacks import SaveModel
from keras_resattn.training.callbacks import StopAtNaN
from keras_resattn.training.checkpoint import Checkpoint
from keras_resattn.training.checkpoint import restore
from keras_resattn.training.evaluation import Evaluation
from keras_resattn.training.evaluation import evaluate
from keras_resattn.training.fit import fit
from keras_resattn.training.progress import Progress
from keras_resattn.training.watch import Watch

__all__ = [
    "Checkpoint",
    "CoupledSGD",
    "Evaluation",
    "Progress",
    "SaveModel",
    "StopAtNaN",
    "Watch",
    "WarmUpAndDecline",
    "compile_model",
    "evaluate",
    "fit",
    "restore",
]
