"""The authors' name of each layer of our ImageNet networks."""

import itertools
from collections.abc import Callable
from collections.abc import Iterator
from typing import TypeAlias

import keras

# A Keras layer, its kind ("conv", "bn", "dense") and the authors' name of it.
Named: TypeAlias = tuple[keras.layers.Layer, str, str]


def layers(model: keras.Model) -> Iterator[Named]:
    """Yield the layers with weights of an ImageNet network, with the authors' names.

    Example:

    >>> model = keras_resattn.Attention56()
    >>> next(layers(model))
    (<Conv2D name=stem_conv, built=True>, 'conv', 'conv1')

    Args:
        model: An `Attention56`, `Attention92`, `AttentionNeXt56` or
            `AttentionNeXt92`, with its classifier.

    Yields:
        The Keras layer, its kind (`"conv"`, `"bn"` or `"dense"`) and the
        authors' name of it.
    """
    get = model.get_layer
    yield get("stem_conv"), "conv", "conv1"
    yield get("stem_bn"), "bn", "conv1/bn"
    x = "pool1_3x3_s2"
    for i in (1, 2, 3):
        yield from _unit(get(f"stage{i}_unit1"), f"pre_res_{i}", x)
        x = f"pre_res_{i}"
        for ours, theirs in _modules(model, i):
            yield from _module(get, theirs, ours, x)
            x = theirs
    for i in (1, 2, 3):
        yield from _unit(get(f"stage4_unit{i}"), f"post_res_4_{i}", x)
        x = f"post_res_4_{i}"
    if get("stage4_unit3").pre_activation:
        yield get("post_bn"), "bn", f"{x}/bn"
    yield get("predictions"), "dense", "classifier"


def outputs(model: keras.Model) -> dict[str, str]:
    """Return the names of a network's layers, by the authors' names of their outputs.

    Example:

    >>> outputs(keras_resattn.Attention56())["AttentionA_1/mask"]
    'stage1_attention1_mask'

    Args:
        model: A network, see `layers`.

    Returns:
        A dictionary from names of the authors' blobs to names of Keras layers.
    """
    names = {"pool1_3x3_s2": "stem_pool", "ave_pool": "avg_pool", "cls": "predictions"}
    for i in (1, 2, 3):
        names[f"pre_res_{i}"] = f"stage{i}_unit1"
        for ours, theirs in _modules(model, i):
            names[f"{theirs}/trunk/res1"] = f"{ours}_pre1"
            names[f"{theirs}/trunk/res3"] = f"{ours}_trunk"
            names[f"{theirs}/mask"] = f"{ours}_mask"
            names[f"{theirs}/fusion"] = f"{ours}_residual"
            names[theirs] = f"{ours}_post1"
        names[f"post_res_4_{i}"] = f"stage4_unit{i}"
    return names


def _modules(model: keras.Model, stage: int) -> Iterator[tuple[str, str]]:
    """Yield our name and the authors' name of each attention module of a stage."""
    ours = {layer.name for layer in model.layers}
    for j in itertools.count(1):
        if f"stage{stage}_attention{j}_mask" not in ours:
            return
        yield f"stage{stage}_attention{j}", f"Attention{'ABC'[stage - 1]}_{j}"


def _module(
    get: Callable[[str], keras.layers.Layer], theirs: str, ours: str, x: str
) -> Iterator[Named]:
    trunk = f"{theirs}/trunk/res"
    yield from _unit(get(f"{ours}_pre1"), f"{trunk}1", x)
    first, second = get(f"{ours}_trunk").units
    yield from _unit(first, f"{trunk}2", f"{trunk}1")
    yield from _unit(second, f"{trunk}3", f"{trunk}2")
    yield from _mask(get(f"{ours}_mask"), f"{theirs}/mask")
    yield from _unit(get(f"{ours}_post1"), theirs, f"{theirs}/fusion")


def _mask(mask: keras.layers.Layer, theirs: str) -> Iterator[Named]:
    suffix = "_sample" if mask.unit.pre_activation else ""
    down, up = f"{theirs}/down{suffix}", f"{theirs}/up{suffix}"
    for i, level in enumerate(mask.down, start=1):
        yield from _unit(level.units[0], f"{down}/res{i}_1", f"{down}/pool{i}_3x3_s2")
    yield from _unit(mask.bottom.units[0], f"{down}/res{i}_2", f"{down}/res{i}_1")
    for i, (skip, level) in enumerate(zip(mask.skips, mask.up, strict=True), 1):
        yield from _unit(skip, f"{theirs}/skip/res{i}", f"{down}/res{i}_1")
        yield from _unit(level.units[0], f"{up}/res{i}_1", f"{up}{i}")
    if mask.bn1 is not None:
        yield mask.bn1, "bn", f"{up}/interp_1/bn"
    yield mask.conv1, "conv", f"{theirs}/linear_1"
    yield mask.bn2, "bn", f"{theirs}/linear_1/bn"
    yield mask.conv2, "conv", f"{theirs}/linear_2"


def _unit(unit: keras.layers.Layer, theirs: str, x: str) -> Iterator[Named]:
    """Yield a unit's layers. Normalizations have the name of the layer before."""
    names = [f"{theirs}/branch1/conv{i}" for i in ("1_1x1", "2_3x3", "3_1x1")]
    normalized = [x, *names[:2]] if unit.pre_activation else names
    for convolution, name in zip(
        (unit.conv1, unit.conv2, unit.conv3), names, strict=True
    ):
        yield convolution, "conv", name
    for bn, name in zip((unit.bn1, unit.bn2, unit.bn3), normalized, strict=True):
        yield bn, "bn", f"{name}/bn"
    if unit.projection is not None:
        yield unit.projection, "conv", f"{theirs}/branch2/conv1_1x1"
        if not unit.pre_activation:
            yield unit.projection_bn, "bn", f"{theirs}/branch2/conv1_1x1/bn"
