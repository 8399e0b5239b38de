"""Where the authors' weights go in our ImageNet networks, layer by layer."""


def assign(model, weights):
    """Assign the authors' weights; return the names of those left over."""
    left = dict(weights)
    for layer, kind, name in _layers(model):
        if kind == "bn":
            values = [left.pop(f"{name}/{part}") for part in ("gamma", "beta")]
            values += [left.pop(f"{name}/{part}") for part in ("mean", "var")]
        elif kind == "conv":
            values = [left.pop(f"{name}/kernel").transpose(2, 3, 1, 0)]
        else:
            values = [left.pop(f"{name}/kernel").T, left.pop(f"{name}/bias")]
        layer.set_weights(values)
    return sorted(left)


def outputs(model):
    """Return our layers' names by the authors' names of the stored blobs."""
    names = {"pool1_3x3_s2": "stem_pool", "ave_pool": "avg_pool", "cls": "predictions"}
    for i, letter in enumerate("ABC", start=1):
        theirs, ours = f"Attention{letter}_1", f"stage{i}_attention1"
        names[f"pre_res_{i}"] = f"stage{i}_unit1"
        names[f"{theirs}/trunk/res1"] = f"{ours}_pre1"
        names[f"{theirs}/trunk/res3"] = f"{ours}_trunk"
        names[f"{theirs}/mask"] = f"{ours}_mask"
        names[f"{theirs}/fusion"] = f"{ours}_residual"
        names[theirs] = f"{ours}_post1"
        names[f"post_res_4_{i}"] = f"stage4_unit{i}"
    return names


def _layers(model):
    get = model.get_layer
    yield get("stem_conv"), "conv", "conv1"
    yield get("stem_bn"), "bn", "conv1/bn"
    x = "pool1_3x3_s2"
    for i, letter in enumerate("ABC", start=1):
        module = f"Attention{letter}_1"
        yield from _unit(get(f"stage{i}_unit1"), f"pre_res_{i}", x)
        yield from _module(get, module, f"stage{i}_attention1", f"pre_res_{i}")
        x = module
    for i in (1, 2, 3):
        yield from _unit(get(f"stage4_unit{i}"), f"post_res_4_{i}", x)
        x = f"post_res_4_{i}"
    if get("stage4_unit3").pre_activation:
        yield get("post_bn"), "bn", f"{x}/bn"
    yield get("predictions"), "dense", "classifier"


def _module(get, theirs, ours, x):
    trunk = f"{theirs}/trunk/res"
    yield from _unit(get(f"{ours}_pre1"), f"{trunk}1", x)
    first, second = get(f"{ours}_trunk").units
    yield from _unit(first, f"{trunk}2", f"{trunk}1")
    yield from _unit(second, f"{trunk}3", f"{trunk}2")
    yield from _mask(get(f"{ours}_mask"), f"{theirs}/mask")
    yield from _unit(get(f"{ours}_post1"), theirs, f"{theirs}/fusion")


def _mask(mask, theirs):
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


def _unit(unit, theirs, x):
    """A normalization is named after the convolution or the map before it."""
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
