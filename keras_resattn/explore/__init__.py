"""A web page on which to look at a model's masks (extra `explore`)."""

from keras_resattn.explore.explorer import ExploredImage
from keras_resattn.explore.explorer import Explorer
from keras_resattn.explore.serve import explore

__all__ = ["ExploredImage", "Explorer", "explore"]
