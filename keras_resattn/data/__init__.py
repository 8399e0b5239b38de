"""Labelled images, their preprocessing and their batches (TensorFlow)."""

from keras_resattn.data.description import describe_images
from keras_resattn.data.evaluation_images import EvaluationImages
from keras_resattn.data.evaluation_images import evaluation_images
from keras_resattn.data.evaluation_images import is_of_recipe
from keras_resattn.data.image_files import check_images
from keras_resattn.data.image_files import read_images
from keras_resattn.data.image_files import read_pictures
from keras_resattn.data.image_files import try_images
from keras_resattn.data.labelled_files import check_readable
from keras_resattn.data.labelled_files import naming_unreadable_images
from keras_resattn.data.pipeline import evaluation_batches
from keras_resattn.data.pipeline import sample_batches
from keras_resattn.data.pipeline import steps_per_epoch
from keras_resattn.data.pipeline import training_batches
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.data.python_data import PythonData
from keras_resattn.data.python_data import load_python_data
from keras_resattn.data.sources import LabelledImages
from keras_resattn.data.sources import load
from keras_resattn.data.sources import relabel_of

__all__ = [
    "EvaluationImages",
    "LabelledImages",
    "Preprocessing",
    "PythonData",
    "check_images",
    "check_readable",
    "describe_images",
    "evaluation_batches",
    "evaluation_images",
    "is_of_recipe",
    "load",
    "load_python_data",
    "naming_unreadable_images",
    "read_images",
    "read_pictures",
    "relabel_of",
    "sample_batches",
    "steps_per_epoch",
    "training_batches",
    "try_images",
]
