"""The residual networks without attention, from the units of this package."""

import functools
from collections.abc import Sequence

from keras_resattn.builder.documentation import Documentation
from keras_resattn.builder.named import named
from keras_resattn.builder.network import ResidualAttentionNetwork
from keras_resattn.builder.signatures import residual_network
from keras_resattn.builder.stages import Stage


def stages(filters: Sequence[int], units: Sequence[int]) -> tuple[Stage, ...]:
    """Return the table of stages, which have no attention modules.

    Args:
        filters: The number of channels of each stage.
        units: The number of units of each stage. The first unit of each stage,
            except the first stage, halves height and width.
    """
    return tuple(
        Stage(n, strides=1 if i == 0 else 2, modules=0, closing_units=count - 1)
        for i, (n, count) in enumerate(zip(filters, units, strict=True))
    )


IMAGENET_FILTERS = (256, 512, 1024, 2048)

PRE_ACTIVATION = """He et al., Identity Mappings in Deep Residual Networks, 2016
    (https://arxiv.org/abs/1603.05027)"""


ResNet200 = named(
    residual_network,
    ResidualAttentionNetwork,
    "resnet200",
    Documentation(
        path="keras_resattn.baselines.ResNet200",
        title="ResNet-200 with pre-activation units, for ImageNet",
        text="""With the default arguments it has 64,666,280 trainable parameters, as
    many as pytorchcv's `preresnet200b`. It shares its stem, units and head with
    Attention-56 and Attention-92. So its stem pools without padding, as Caffe
    does; pytorchcv's pads by one.""",
        reference=f"{PRE_ACTIVATION}, section 4.",
    ),
    stages=stages(IMAGENET_FILTERS, units=(3, 24, 36, 3)),
)

ResNeXt101 = named(
    residual_network,
    ResidualAttentionNetwork,
    "resnext101",
    Documentation(
        path="keras_resattn.baselines.ResNeXt101",
        title="ResNeXt-101 (32x4d), for ImageNet",
        text="""With the default arguments it has 44,177,704 trainable parameters, as
    many as pytorchcv's `resnext101_32x4d`. It shares its stem, units and head with
    AttentionNeXt-56 and AttentionNeXt-92. So its stem pools without padding, as
    Caffe does; pytorchcv's pads by one.""",
        reference="""Xie et al., Aggregated Residual Transformations for Deep Neural
    Networks, CVPR 2017 (https://arxiv.org/abs/1611.05431).""",
    ),
    unit="resnext",
    stages=stages(IMAGENET_FILTERS, units=(3, 4, 23, 3)),
)

ResNet164 = named(
    residual_network,
    functools.partial(ResidualAttentionNetwork, default_size=32),
    "cifar_resnet164",
    Documentation(
        path="keras_resattn.baselines.ResNet164",
        size=32,
        minimum=4,
        title="ResNet-164 with pre-activation bottlenecks, for small images",
        text="""With 10 classes it has 1,703,290 trainable parameters: the 1,703,258 of
    pytorchcv's `preresnet164bn_cifar10`, and 32 of the normalization after the
    first convolution, which all networks for small images here have.""",
        reference=f"{PRE_ACTIVATION}, table 4.",
    ),
    classes=10,
    stages=stages((64, 128, 256), units=(18, 18, 18)),
    stem="cifar",
)
