"""Metrics of maps: are they faithful, and do they point at the object?"""

from keras_resattn.explain.metrics.faithfulness import average_drop
from keras_resattn.explain.metrics.faithfulness import deletion
from keras_resattn.explain.metrics.faithfulness import increase_in_confidence
from keras_resattn.explain.metrics.faithfulness import insertion
from keras_resattn.explain.metrics.faithfulness import predictor
from keras_resattn.explain.metrics.faithfulness import road
from keras_resattn.explain.metrics.localization import baseline_maps
from keras_resattn.explain.metrics.localization import energy_in_box
from keras_resattn.explain.metrics.localization import mask_statistics
from keras_resattn.explain.metrics.localization import pointing_game
from keras_resattn.explain.metrics.randomization import parameter_randomization
from keras_resattn.explain.metrics.randomization import rank_correlation
from keras_resattn.explain.metrics.robustness import max_sensitivity
from keras_resattn.explain.metrics.robustness import sparseness

__all__ = [
    "average_drop",
    "baseline_maps",
    "deletion",
    "energy_in_box",
    "increase_in_confidence",
    "insertion",
    "mask_statistics",
    "max_sensitivity",
    "parameter_randomization",
    "pointing_game",
    "predictor",
    "rank_correlation",
    "road",
    "sparseness",
]
