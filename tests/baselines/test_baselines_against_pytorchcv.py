"""The baselines that are written here compute what pytorchcv's do."""

import importlib
import re

import keras
import numpy as np
import pytest

from keras_resattn import baselines

pytestmark = [pytest.mark.one_backend, pytest.mark.slow]


def pytorchcv(module):
    """Import a module of networks; their weights are drawn from a seed."""
    # Not by `pytorchcv.model_provider`: it imports Triton, whose LLVM crashes
    # in a process that has TensorFlow's.
    import torch

    module = importlib.import_module(f"pytorchcv.models.{module}")
    torch.manual_seed(0)
    return module


def assert_outputs_equal(theirs, ours, size, pairs, rtol=1e-4):
    """Carry random weights over and compare the logits of two images.

    Residuals of random weights add up to large logits: the tolerance is
    relative to the largest.

    Args:
        theirs: A PyTorch module.
        ours: A `keras.Model`.
        size: Height and width of the images.
        pairs: A function of the modules by their names that returns pairs: a
            PyTorch module and the Keras layer that it is to be carried to.
    """
    import torch

    modules = dict(theirs.eval().named_modules())
    carried = [carry(*pair) for pair in pairs(modules)]
    assert sum(carried) == ours.count_params()
    x = np.random.default_rng(0).random((2, size, size, 3), "float32")
    with torch.no_grad():
        expected = theirs(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
    outputs = keras.ops.convert_to_numpy(ours(x))
    difference = np.abs(outputs - expected).max()
    print(f"{ours.name}: {difference:.2e} of {np.abs(expected).max():.2f}")
    assert difference < rtol * np.abs(expected).max()


def carry(module, layer):
    """Carry a module's weights to a layer, statistics drawn; return their number."""
    if hasattr(module, "running_mean"):
        module.weight.data.uniform_(0.8, 1.2)
        module.bias.data.uniform_(-0.2, 0.2)
        module.running_mean.uniform_(-0.2, 0.2)
        module.running_var.uniform_(0.8, 1.2)
        weights = [module.weight, module.bias, module.running_mean, module.running_var]
    else:
        weights = [module.weight] + [b for b in [module.bias] if b is not None]
    arrays = [weight.detach().numpy() for weight in weights]
    if arrays[0].ndim > 1:
        arrays[0] = np.moveaxis(arrays[0], (0, 1), (-1, -2))
    layer.set_weights(arrays)
    return sum(array.size for array in arrays)


# What pytorchcv calls the blocks, the number of the unit in place of {}.
INCEPTION_BLOCKS = {
    "block_a": "features.stage1.unit{}",
    "reduction_a": "features.stage2.unit1",
    "block_b": "features.stage2.unit{}",
    "reduction_b": "features.stage3.unit1",
    "block_c": "features.stage3.unit{}",
}
HEAD = {"bottleneck": "fc1", "bottleneck_bn": "bn", "predictions": "fc2"}


def inception_name(name):
    """Return what pytorchcv calls the layer `name` of InceptionResNetV1."""
    if name in HEAD:
        return f"output.{HEAD[name]}"
    part = "bn" if name.endswith("_bn") else "conv"
    if name.startswith("stem"):
        return f"features.init_block.{name.split('_')[1]}.{part}"
    block, number, rest = re.match(r"([a-z]+_[abc])(\d*)_(.*)", name).groups()
    # Their units of stages 2 and 3 begin with the reduction.
    unit = int(number or 0) + (block in ("block_b", "block_c"))
    block = INCEPTION_BLOCKS[block].format(unit)
    if rest == "linear":
        return f"{block}.conv"
    branch, convolution = rest.split("_")[:2]
    # The first branch of the residual blocks is one convolution, not a row.
    single = branch == "branch1" and name.startswith("block")
    inside = "conv" if single else f"conv_list.{convolution}"
    return f"{block}.branches.{branch}.{inside}.{part}"


def test_inception_resnet_v1():
    theirs = pytorchcv("inceptionresnetv1").inceptionresnetv1()
    ours = baselines.InceptionResNetV1(classifier_activation=None)

    def pairs(modules):
        layers = [layer for layer in ours.layers if layer.weights]
        return [(modules[inception_name(layer.name)], layer) for layer in layers]

    assert_outputs_equal(theirs, ours, 299, pairs)


def unit_pairs(module, unit):
    """Return the pairs of a residual unit: convolutions and normalizations."""
    for i in (1, 2, 3):
        block = getattr(module.body, f"conv{i}")
        yield block.conv, getattr(unit, f"conv{i}")
        yield block.bn, getattr(unit, f"bn{i}")
    if unit.projection is not None:
        shortcut = module.identity_conv
        yield getattr(shortcut, "conv", shortcut), unit.projection
        if hasattr(shortcut, "bn"):
            yield shortcut.bn, unit.projection_bn


@pytest.mark.parametrize(
    ("module", "theirs", "title"),
    [
        ("preresnet", "preresnet200b", "ResNet200"),
        ("resnext", "resnext101_32x4d", "ResNeXt101"),
    ],
)
def test_residual_networks(module, theirs, title):
    theirs = getattr(pytorchcv(module), theirs)()
    ours = getattr(baselines, title)(classifier_activation=None)
    # Theirs pads by one, and its windows lie one pixel before Caffe's and ours.
    import torch

    theirs.features.init_block.pool = torch.nn.MaxPool2d(3, 2, ceil_mode=True)

    def pairs(modules):
        stem = modules["features.init_block"]
        if title == "ResNeXt101":
            stem = stem.conv  # a block of convolution and normalization
        yield stem.conv, ours.get_layer("stem_conv")
        yield stem.bn, ours.get_layer("stem_bn")
        for layer in ours.layers:
            if match := re.match(r"(stage\d)_(unit\d+)", layer.name):
                yield from unit_pairs(
                    modules["features." + ".".join(match.groups())], layer
                )
        if "features.post_activ" in modules:
            yield modules["features.post_activ"].bn, ours.get_layer("post_bn")
        yield modules["output"], ours.get_layer("predictions")

    assert_outputs_equal(theirs, ours, 224, pairs)
