import pytest

from benchmarks.engines import ask
from benchmarks.engines import running


def test_an_error_names_an_engine_that_does_not_start():
    with pytest.raises(ChildProcessError, match="training_engines demo 2 unknown did"):
        with running("training_engines", {"unknown": ("demo", 2, "unknown")}):
            pytest.fail("it started")


def test_an_engine_answers_each_question_and_ends():
    arguments = {"ours": ("demo", 2, "ours")}
    with running("training_engines", arguments) as engines:
        engine = engines["ours"]
        assert ask(engine) > 0
        engine.kill()
        with pytest.raises(ChildProcessError, match="ended"):
            ask(engine)
            ask(engine)
    assert engine.poll() is not None
