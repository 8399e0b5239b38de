"""Attention masks made visible (extra `vis`)."""

from keras_resattn.explain.evidence import class_evidence
from keras_resattn.explain.heatmaps import mask_figure
from keras_resattn.explain.heatmaps import mean_masks
from keras_resattn.explain.report import write_report

__all__ = ["class_evidence", "mask_figure", "mean_masks", "write_report"]
