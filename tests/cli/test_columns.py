import io

from keras_resattn_cli.columns import columns_that_fit
from keras_resattn_cli.columns import format_columns
from keras_resattn_cli.columns import table_lines
from keras_resattn_cli.columns import terminal_width

ROWS = [
    {"name": "a_long_name", "size": "7", "text": "what it is"},
    {"name": "b", "size": "1,234", "text": ""},
]


def test_columns_are_left_out_in_order_until_the_others_fit():
    drop = ["text", "size"]
    assert columns_that_fit(ROWS, None, drop) == ["name", "size", "text"]
    assert columns_that_fit(ROWS, 30, drop) == ["name", "size", "text"]
    assert columns_that_fit(ROWS, 29, drop) == ["name", "size"]
    assert columns_that_fit(ROWS, 17, drop) == ["name"]
    assert columns_that_fit(ROWS, 3, drop) == ["name"]


def test_a_table_is_aligned_and_has_no_spaces_at_the_end_of_a_line():
    assert format_columns(ROWS, ["name", "size"], right=["size"]) == [
        "name          size",
        "a_long_name      7",
        "b            1,234",
    ]
    assert format_columns(ROWS, ["name", "text"])[-1] == "b"


def test_names_of_networks_and_recipes_are_whole_on_narrow_terminals(run, monkeypatch):
    import keras_resattn
    from keras_resattn.recipes.files import list_recipes
    from keras_resattn.weights.table import read_table

    weights = [f"{info.network}:{info.name}" for info in read_table()]
    for width in (60, 80):
        monkeypatch.setenv("COLUMNS", str(width))
        for arguments, names in (
            (("list",), keras_resattn.list_models()),
            (("list", "--weights"), weights),
            (("recipes",), list_recipes()),
        ):
            code, output, _ = run(*arguments)
            assert code == 0
            _, *rows = output.split("Wider")[0].splitlines()
            assert [row.split()[0] for row in rows] == names
            assert max(map(len, output.splitlines())) <= width
    assert "Wider terminals also show: data, description." in output


def test_without_columns_a_pipe_has_no_limit(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert terminal_width() is None
    monkeypatch.setenv("COLUMNS", "60")
    assert terminal_width() == 60


def test_a_table_names_the_columns_that_it_leaves_out():
    assert table_lines(ROWS, ["text", "size"], ["size"])[-1] == "b            1,234"
    lines = table_lines(ROWS, ["text", "size"], width=17)
    assert lines[-3:] == ["Wider terminals", "also show: size,", "text."]
