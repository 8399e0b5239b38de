"""Write what pytorchcv's network gives: `python -m tests.convert.make_golden`.

It needs PyTorch and pytorchcv 0.0.74, which the tests do not.
"""

import json

import numpy as np
import torch
from pytorchcv.models.resattnet import resattnet56

from tests.convert import golden

SEED = 0


def main():
    network = resattnet56()
    shapes = {
        name: list(tensor.shape)
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    outputs = run(
        network, golden.draw(shapes, SEED), golden.draw_images(SEED), torch.float64
    )
    outputs = {
        name: (x if name == "logits" else golden.sample(x)).astype("float32")
        for name, x in outputs.items()
    }
    golden.PATH.parent.mkdir(exist_ok=True)
    meta = json.dumps({"seed": SEED, "shapes": shapes})
    np.savez_compressed(golden.PATH, meta=meta, **outputs)


def run(network, weights, images, dtype=torch.float32):
    """Return pytorchcv's logits and masks (NHWC) by our names of modules."""
    state = {name: torch.from_numpy(weight) for name, weight in weights.items()}
    missing, left_over = network.load_state_dict(state, strict=False)
    assert not left_over
    assert all(name.endswith("num_batches_tracked") for name in missing)
    network = network.eval().to(dtype)
    outputs = {}
    for name, module in network.named_modules():
        if name.endswith(".middle_block"):
            stage, unit = (int(part[-1]) for part in name.split(".")[1:3])

            def keep(module, inputs, mask, name=f"stage{stage}_attention{unit - 1}"):
                outputs[name] = mask.permute(0, 2, 3, 1).numpy()

            module.register_forward_hook(keep)
    with torch.no_grad():
        x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).to(dtype)
        outputs["logits"] = network(x).numpy()
    return outputs


if __name__ == "__main__":
    main()
