"""The ImageNet networks by name. The tables are the architecture."""

from keras_resattn.named import named_network
from keras_resattn.network import Stage


def stages(modules):
    """Return the table of stages for the attention modules in stages 1 to 3."""
    return (
        Stage(filters=256, strides=1, modules=modules[0], mask_depth=3),
        Stage(filters=512, strides=2, modules=modules[1], mask_depth=2),
        Stage(filters=1024, strides=2, modules=modules[2], mask_depth=1),
        Stage(filters=2048, strides=2, modules=0, closing_units=2),
    )


def _imagenet(title, name, parameters, modules, unit):
    return named_network(
        path=f"keras_resattn.{title.replace('-', '')}",
        title=f"{title}, as its authors defined it for ImageNet",
        text=f"With the default arguments it has {parameters:,} trainable parameters.\n"
        "    Images are floats; which scale is the user's choice, as the authors\n"
        "    published no weights.",
        section="table 2" if unit == "pre_activation" else "section 4.2",
        name=name,
        classes=1000,
        stages=stages(modules),
        unit=unit,
    )


Attention56 = _imagenet(
    "Attention-56", "attention56", 31_810_728, (1, 1, 1), "pre_activation"
)
Attention92 = _imagenet(
    "Attention-92", "attention92", 52_466_344, (1, 2, 3), "pre_activation"
)
AttentionNeXt56 = _imagenet(
    "AttentionNeXt-56", "attention_next56", 31_318_824, (1, 1, 1), "resnext"
)
AttentionNeXt92 = _imagenet(
    "AttentionNeXt-92", "attention_next92", 52_102_952, (1, 2, 3), "resnext"
)
