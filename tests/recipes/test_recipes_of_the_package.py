import functools
import re
from pathlib import Path

import pytest

from keras_resattn import paper
from keras_resattn.recipes.files import find_recipe
from keras_resattn.recipes.files import list_recipes
from keras_resattn.recipes.files import load_recipe

FIELDS = ["Paper", "Command", "Expected", "Time", "Run"]
NAMED_FOR_THEIR_USE = {"demo", "folder"}  # of bundled images, and of the reader's
TRAINING_IMAGES = {"cifar10": 50_000, "cifar100": 50_000, "imagenet2012": 1_281_167}
# Where the paper prints the error of a run: by data and share of correct labels.
TABLES = {
    ("cifar10", 1.0): ("attention", "mask_activation", "mask_structure", "cifar"),
    ("cifar10", 0.3): ("label_noise",),
    ("cifar100", 1.0): ("cifar",),
    ("imagenet2012", 1.0): ("imagenet",),
}

read = functools.cache(load_recipe)


def read_header(name):
    """Return the title of a recipe, and the fields of the paragraph below it."""
    comment = find_recipe(name).read_text(encoding="utf-8").split("\n\n")[0]
    paragraphs = re.sub("(?m)^# ?", "", comment).split("\n\n")
    fields = re.findall(r"(?ms)^([A-Z]\w+):\s(.*?)(?=^[A-Z]|\Z)", paragraphs[1] + "\n")
    return paragraphs[0], {key: " ".join(text.split()) for key, text in fields}


def papers_own():
    names = list_recipes()
    return [name for name in names if read(name).train.schedule == "steps"]


def network_arguments(recipe):
    """Return what a recipe states of its network, beside name and shape."""
    others = {"from_python", "name", "input_shape", "weights", "arguments"}
    given = recipe.network.model_dump(exclude=others)
    stated = {key: value for key, value in given.items() if value is not None}
    return stated | recipe.network.arguments


def other_data(recipe):
    """Return the column of a table that is not of a run's data."""
    return {"cifar10": "CIFAR-100", "cifar100": "CIFAR-10"}.get(recipe.data.name)


def printed_errors(recipe):
    """Return the errors that the paper prints for a run, in percent."""
    wanted = recipe.network.name, network_arguments(recipe)
    for title in TABLES.get((recipe.data.name, recipe.data.correct_labels), ()):
        for row in paper.TABLES[title].rows:
            arguments = {k: v for k, v in row.arguments.items() if k != "classes"}
            if (row.network, arguments) == wanted:
                columns = zip(paper.TABLES[title].columns, row.errors, strict=False)
                return [error for name, error in columns if name != other_data(recipe)]
    return ()


@pytest.mark.parametrize("name", list_recipes())
def test_a_header_states_title_paper_command_expectation_time_and_run(name):
    title, fields = read_header(name)
    assert 20 < len(title) <= 80 and "\n" not in title
    assert list(fields) == FIELDS
    assert all(fields.values())
    assert re.match("not yet.$|yes, ", fields["Run"])


@pytest.mark.parametrize("name", list_recipes())
def test_the_command_in_a_header_is_that_of_its_recipe(name):
    command = read_header(name)[1]["Command"].replace("\\ ", "")
    assert command.startswith(f"keras-resattn train {name} ")
    assert command.endswith(f" --out runs/{name}")
    from_tfds = name not in NAMED_FOR_THEIR_USE
    assert (" --data-dir ~/tensorflow_datasets " in command) == from_tfds


@pytest.mark.parametrize("name", sorted({*list_recipes()} - {"demo"}))
def test_an_expected_error_is_one_that_the_paper_prints(name):
    expected = read_header(name)[1]["Expected"]
    recipe = read(name)
    errors = printed_errors(recipe) if recipe.train.schedule == "steps" else ()
    stated = [float(error) for error in re.findall(r"([\d.]+) %", expected)]
    assert stated == list(errors)
    assert ("(printed" in expected) == bool(errors)
    assert expected.startswith(("none known", "it depends")) != bool(errors)


def test_what_was_measured_is_in_the_table_of_results():
    (figure,) = re.findall(r"([\d.]+ %)", read_header("demo")[1]["Expected"])
    results = Path(__file__).parents[2] / "docs" / "results.md"
    assert figure in results.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", papers_own())
def test_the_papers_training_has_its_steps_and_constants(name):
    recipe = read(name)
    train, imagenet = recipe.train, recipe.data.name == "imagenet2012"
    epoch = TRAINING_IMAGES[recipe.data.name] // train.batch_size
    steps = train.epochs * epoch
    total, *drops = (530, 200, 400, 500) if imagenet else (160, 64, 96)
    assert steps == pytest.approx(1000 * total, abs=epoch)
    assert [drop * steps for drop in train.drops] == pytest.approx(
        [1000 * drop for drop in drops], abs=epoch
    )
    assert train.batch_size == (256 if imagenet else 64)
    assert (train.peak_learning_rate, train.drop_factor) == (0.1, 10)
    assert (train.momentum, train.nesterov) == (0.9, not imagenet)
    assert (train.weight_decay, train.warmup_epochs) == (0.0001, 0)
    assert (train.label_smoothing, train.ema_momentum) == (0, None)


@pytest.mark.parametrize("name", papers_own())
def test_the_papers_augmentation_is_crops_flips_and_colours(name):
    augmentation = read(name).augmentation
    imagenet = name.startswith("imagenet")
    assert augmentation.flip
    assert augmentation.crop == ("resized" if imagenet else "pad")
    assert imagenet or augmentation.crop_padding == 4
    assert (augmentation.color_jitter > 0) == imagenet
    assert (augmentation.mixup, augmentation.cutmix) == (0, 0)
    assert augmentation.rand_augment is None


@pytest.mark.parametrize("name", [n for n in list_recipes() if "_naive" in n])
def test_naive_attention_is_the_only_difference(name):
    residual = load_recipe(name.replace("_naive", ""), ["network.attention=naive"])
    assert read(name) == residual


@pytest.mark.parametrize("name", [n for n in list_recipes() if "_noise" in n])
def test_the_noise_in_a_name_is_the_share_of_wrong_labels(name):
    clean, noise = name.split("_noise")
    correct = f"data.correct_labels={1 - int(noise) / 100:.1f}"
    assert read(name) == load_recipe(clean, [correct])


@pytest.mark.parametrize("name", sorted({*list_recipes()} - NAMED_FOR_THEIR_USE))
def test_a_name_begins_with_the_data_and_the_network(name):
    recipe = read(name)
    data = recipe.data.name.replace("2012", "")
    network = recipe.network.name.removeprefix("cifar_")
    assert re.match(f"{data}_{network}(_|$)", name)


def test_a_short_run_reaches_its_rate_at_its_batch():
    train = load_recipe("cifar10_attention56_short").train
    assert (train.epochs, train.batch_size, train.warmup_epochs) == (15, 128, 3)
    assert train.peak_learning_rate == 0.2
    modern = load_recipe("cifar10_attention56_modern").train
    assert modern.peak_learning_rate == 0.2


def every_network_and_argument_once():
    """Return the names of recipes that between them state each at least once."""
    names, seen = [], set()
    # Those of Attention-56 first: they are small.
    for name in sorted(list_recipes(), key=lambda name: "attention56" not in name):
        recipe = read(name)
        shape = recipe.network.input_shape
        stated = {recipe.network.name, shape, *network_arguments(recipe).items()}
        if not stated <= seen:
            names.append(name)
            seen |= stated
    return names


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if i == 0 else pytest.mark.slow)
        for i, name in enumerate(every_network_and_argument_once())
    ],
)
def test_the_network_of_a_recipe_is_built_with_its_arguments(name):
    from keras_resattn.zoo import create_model

    recipe = read(name)
    shape = recipe.network.input_shape
    arguments = network_arguments(recipe)
    model = create_model(recipe.network.name, input_shape=shape, classes=7, **arguments)
    assert model.input_shape == (None, *shape)
    assert model.output_shape == (None, 7)


def test_the_recipes_in_the_documentation_are_read(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text("utf-8")
    written = re.findall(r"`(\w+\.yaml)`[^`]*:\n\n```yaml\n(.*?)```", text, re.DOTALL)
    for name, recipe in written:
        (tmp_path / name).write_text(recipe)
    assert [name for name, _ in written] == ["flowers.yaml", "flowers_naive.yaml"]
    recipe = load_recipe(tmp_path / "flowers_naive.yaml")
    assert (recipe.network.attention, recipe.train.epochs) == ("naive", 30)
    assert f"[{', '.join(map(str, recipe.network.input_shape))}]" in text
