"""Show the masks of a model on a web page (extra `explore`)."""

from keras_resattn.explore.explorer import ExploredImage
from keras_resattn.explore.explorer import Explorer
from keras_resattn.explore.serve import explore

__all__ = ["ExploredImage", "Explorer", "explore"]
