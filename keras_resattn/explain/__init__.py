"""Attention made visible: arrays first, figures (extra `vis`) second."""

import importlib

# What needs matplotlib is imported when it is asked for, and so is the rest.
_PLACES = {
    "Explanation": "explanation",
    "Influence": "influence",
    "Triptych": "arrays",
    "channel_grid_figure": "figures.channel_grid",
    "channel_scores": "channels",
    "choose_channels": "channels",
    "class_evidence": "evidence",
    "epoch_animation": "animation",
    "evidence_figure": "figures.evidence",
    "explain_batches": "explanation",
    "feature_triptych": "arrays",
    "gallery_figure": "figures.gallery",
    "iter_masks": "arrays",
    "mask_figure": "figures.mask_overlays",
    "masked_images": "figures.mask_overlays",
    "masks": "arrays",
    "masks_influence": "influence",
    "mean_masks": "arrays",
    "mean_response": "response",
    "module_animation": "animation",
    "module_outputs": "response",
    "response_figure": "figures.response",
    "response_model": "response",
    "saturation": "channels",
    "triptych_figure": "figures.triptych",
    "write_animation": "animation",
    "write_explanations": "writing",
    "write_influence": "influence",
    "write_report": "report",
    "write_response": "figures.response",
}
__all__ = list(_PLACES)


def __getattr__(name):
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__():
    return sorted({*globals(), *_PLACES})
