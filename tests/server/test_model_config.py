import pytest

from keras_resattn_server.loading.model_config import ModelConfigFile
from keras_resattn_server.loading.versions import VersionPolicy
from keras_resattn_server.loading.versions import find_versions

GOOD = """
model_config_list {
  config {
    name: "clf"
    base_path: "/models/clf"
    model_platform: "tensorflow"
    model_version_policy { specific { versions: 1 versions: 3 } }
    version_labels { key: "stable" value: 1 }
    version_labels { key: "canary" value: 3 }
  }
  config { name: "two" base_path: "/two" model_type: TENSORFLOW
           model_version_policy { latest { num_versions: 2 } } }
  config { name: "all" base_path: "/all" model_platform: "tensorflow"
           model_version_policy { all { } } }
  config { name: "one" base_path: "/one" model_platform: "tensorflow" }
}
"""


def config(fields):
    return f"model_config_list {{ config {{ {fields} }} }}"


CLF = 'name: "clf" base_path: "/clf" model_platform: "tensorflow"'


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "models.config"
    path.write_text(GOOD)
    return path


def test_a_file_as_tensorflow_serving_reads_it(path):
    clf, two, every, one = ModelConfigFile(path).models()
    assert (clf.name, str(clf.base_path)) == ("clf", "/models/clf")
    assert clf.policy == VersionPolicy(None, frozenset({1, 3}))
    assert clf.labels == {"stable": 1, "canary": 3}
    assert two.policy == VersionPolicy(2)
    assert every.policy == VersionPolicy(None)
    assert one.policy == VersionPolicy(1)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "Only a model_config_list is supported"),
        ("custom_model_config { }", "Only a model_config_list is supported"),
        ("model_config_lost { }", "no field named"),
        (config('name: "clf" base_path: "/clf"'), "Model clf needs model_platform"),
        (
            config(CLF.replace("/clf", "clf")),
            r"Expected model clf to have an absolute path; got base_path\(\)=clf",
        ),
        (config(CLF.replace('"clf"', '""', 1)), "A model has no name"),
        (
            f"model_config_list {{ config {{ {CLF} }} config {{ {CLF} }} }}",
            "Illegal to list model clf multiple times",
        ),
    ],
)
def test_a_wrong_file_says_what_is_wrong_and_which_it_is(path, text, message):
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        ModelConfigFile(path)
    assert str(caught.value).endswith(f"Received: {path}")


def test_an_edited_file_is_read_again(path):
    source = ModelConfigFile(path, poll_wait_seconds=1e-9)
    path.write_text(config(CLF))
    assert [model.name for model in source.models()] == ["clf"]


def test_without_polling_it_is_read_once(path):
    source = ModelConfigFile(path)
    path.write_text(config(CLF))
    assert len(source.models()) == 4


@pytest.mark.parametrize("edit", ["wrong", "gone"])
def test_a_file_that_became_wrong_changes_nothing_and_is_logged(path, edit, caplog):
    source = ModelConfigFile(path, poll_wait_seconds=1e-9)
    if edit == "gone":
        path.unlink()
    else:
        path.write_text("model_config_list {")
    assert len(source.models()) == 4
    assert "The models stay as they were" in caplog.text
    path.write_text(config(CLF))
    assert len(source.models()) == 1


def test_only_folders_named_by_an_integer_are_versions(tmp_path):
    for name in ("1", "10", "03", "2-new", ".4", "5.0", "-6", "9" * 19, "9" * 30, "²"):
        (tmp_path / name).mkdir()
    (tmp_path / "8").touch()
    assert sorted(find_versions(tmp_path)) == [1, 3, 10]
    assert find_versions(tmp_path / "missing") == {}
