from keras_resattn_cli import list_networks
from keras_resattn_cli import recipes
from keras_resattn_cli.columns import columns_that_fit
from keras_resattn_cli.columns import format_columns

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

    for width in (60, 80):
        for module in (list_networks, recipes):
            monkeypatch.setattr(module, "terminal_width", lambda width=width: width)
        for command, names in (
            ("list", keras_resattn.list_models()),
            ("recipes", list_recipes()),
        ):
            code, output, _ = run(command)
            assert code == 0
            _, *rows = output.split("\n\n")[0].splitlines()
            assert [row.split()[0] for row in rows] == names
            assert max(map(len, output.splitlines())) <= width
