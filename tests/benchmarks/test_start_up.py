from benchmarks import start_up
from benchmarks.table import is_met


def test_the_rows_hold_seconds_against_their_targets(monkeypatch):
    seconds = {kind: [0.04, 0.06, 1.5] for kind in (*start_up.KINDS, start_up.HELP)}
    monkeypatch.setattr(start_up, "measure", lambda rounds: seconds)
    rows = {row.what: row for row in start_up.rows(quick=True)}
    assert set(rows) == set(start_up.TARGETS)
    assert not is_met(rows["import keras_resattn, after keras"])
    assert is_met(rows["build Attention-92"])
    assert rows["build Attention-92"].ratio == 0.03


def test_an_import_is_timed_in_a_process_of_its_own():
    assert 0 < start_up.seconds_of(start_up.HELP) < 600
    assert 0 <= start_up.seconds_of("import keras_resattn, after keras") < 600
