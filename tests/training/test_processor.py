import warnings

import pytest

from keras_resattn.training import processor

X86 = "processor\t: 0\nmodel name\t: A: Processor\nflags\t\t: fpu {}\n\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd {}\nCPU part\t: 0xd40\n\n"


@pytest.fixture
def information(tmp_path, monkeypatch):
    """A file as /proc/cpuinfo; write to it what there is."""
    monkeypatch.setattr(processor, "INFORMATION", tmp_path / "cpuinfo")
    return tmp_path / "cpuinfo"


@pytest.mark.parametrize(
    "text, dtype, expected",
    [
        (X86.format("avx2"), "bfloat16", False),
        (X86.format("avx512f avx512_bf16"), "bfloat16", True),
        (X86.format("avx512f avx512_bf16"), "float16", False),
        (X86.format("amx_bf16 avx512_fp16"), "float16", True),
        (ARM.format("bf16"), "bfloat16", True),
        (ARM.format("fphp asimdhp"), "bfloat16", False),
        (ARM.format("fphp asimdhp"), "float16", True),
        ("processor\t: 0\n", "bfloat16", None),
        (None, "bfloat16", None),
    ],
)
def test_precisions_follow_from_the_instructions(information, text, dtype, expected):
    if text is not None:
        information.write_text(text)
    assert processor.computes_in(dtype) is expected


def test_the_name_is_the_makers(information, monkeypatch):
    information.write_text(X86.format(""))
    assert processor.processor_name() == "A: Processor"
    information.unlink()
    monkeypatch.setattr("platform.processor", lambda: "another")
    assert processor.processor_name() == "another"


def test_emulation_is_warned_of_with_the_remedy(information):
    information.write_text(X86.format("avx2"))
    message = "no bfloat16 .*Use --precision float32.*'mixed_bfloat16' on A: Processor"
    with pytest.warns(UserWarning, match=message):
        processor.warn_if_emulated("mixed_bfloat16")


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "bfloat16"])
def test_nothing_is_warned_of_where_nothing_is_emulated(information, precision):
    information.write_text(X86.format("avx512_bf16"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        processor.warn_if_emulated(precision)


def test_a_training_warns(information, small_recipe):
    from keras_resattn.model_folder import preprocessing_of
    from keras_resattn.training.build import build_model

    information.write_text(X86.format("avx2"))
    recipe = small_recipe.model_copy(update={"precision": "mixed_bfloat16"})
    with pytest.warns(UserWarning, match="no bfloat16 arithmetic"):
        build_model(recipe, preprocessing_of(recipe), 2, steps_per_epoch=1)
