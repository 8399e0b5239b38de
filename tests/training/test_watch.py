"""What `fit` writes for those who watch it."""

from keras_resattn import attention_masks
from keras_resattn import training
from tests.training.recipes import changed
from tests.training.test_tensorboard import read


def test_curves_masks_and_a_profile_are_in_the_folder_of_a_run(small_recipe, tmp_path):
    settings = {
        "network.name": "tiny",  # with masks
        "network.input_shape": (8, 8, 3),
        "augmentation.crop_padding": 1,
        "train.epochs": 1,
        "train.batch_size": 6,  # for more steps than are profiled
    }
    watch = training.Watch(tensorboard=True, masks_every=1, profile_steps=2)
    folder = training.fit(
        changed(small_recipe, settings), tmp_path / "run", watch=watch, callbacks=[]
    )
    logs = folder.path / "tensorboard"
    for part in ("train", "validation"):
        assert {"epoch_loss", "epoch_accuracy"} <= set(read(logs / part))
    names = {f"masks/{name}" for name in attention_masks(folder.model).output}
    written = read(logs / "masks")
    assert set(written) == names | {"images"}
    for name in names:
        [(step, (width, height, *pngs))] = written[name]
        assert (step, int(width), int(height), len(pngs)) == (0, 8, 8, 4)
    [trace] = logs.rglob("*.xplane.pb")
    assert trace.stat().st_size
