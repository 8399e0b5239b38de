"""Labelled images, their preprocessing and their batches (TensorFlow)."""

from keras_resattn.data.description import describe_images
from keras_resattn.data.folder import check_readable
from keras_resattn.data.folder import naming_unreadable_images
from keras_resattn.data.image_files import check_images
from keras_resattn.data.image_files import read_images
from keras_resattn.data.image_files import read_pictures
from keras_resattn.data.image_files import try_images
from keras_resattn.data.pipeline import evaluation_batches
from keras_resattn.data.pipeline import sample_batches
from keras_resattn.data.pipeline import steps_per_epoch
from keras_resattn.data.pipeline import training_batches
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.data.sources import LabelledImages
from keras_resattn.data.sources import load

__all__ = [
    "LabelledImages",
    "Preprocessing",
    "check_images",
    "check_readable",
    "describe_images",
    "evaluation_batches",
    "load",
    "naming_unreadable_images",
    "read_images",
    "read_pictures",
    "sample_batches",
    "steps_per_epoch",
    "training_batches",
    "try_images",
]
