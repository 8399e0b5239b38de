"""The paper's tables: our counts, our errors, and the recipes of the rows."""

import re
from pathlib import Path

import pytest

import keras_resattn
from keras_resattn.paper import TABLES
from keras_resattn.recipes.files import load_recipe

pytestmark = pytest.mark.one_backend

ROWS = [row for table in TABLES.values() for row in table.rows]
QUICK = ("cifar_attention56", "cifar_attention92")


def labels(row):
    return f"{row.label} {row.arguments}"


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, marks=() if row.network in QUICK else pytest.mark.slow)
        for row in ROWS
        if row.arguments
    ],
    ids=labels,
)
def test_counts_are_those_of_the_graph(row):
    model = keras_resattn.create_model(row.network, **row.arguments)
    counted = keras_resattn.complexity(model)
    assert (counted.parameters, counted.multiply_adds) == row.counts


@pytest.mark.parametrize("row", [row for row in ROWS if not row.arguments], ids=labels)
def test_counts_without_arguments_are_those_of_the_network(row):
    info = keras_resattn.model_info(row.network)
    assert (info.parameters, info.multiply_adds) == row.counts


@pytest.mark.parametrize("row", [row for row in ROWS if row.recipe], ids=labels)
def test_a_recipe_trains_the_network_of_its_row(row):
    network = load_recipe(row.recipe).network
    arguments = {k: v for k, v in row.arguments.items() if k != "classes"}
    assert (network.name, network.options()) == (row.network, arguments)


@pytest.mark.parametrize("row", [row for row in ROWS if row.our_errors], ids=labels)
def test_our_errors_are_in_the_results(row):
    results = (Path(__file__).parents[2] / "docs" / "results.md").read_text("utf-8")
    for error in row.our_errors:
        assert re.search(rf"train {row.recipe} .*\| {error:.2f} %", results)


def test_every_row_has_its_errors_in_the_columns_of_its_table():
    for table in TABLES.values():
        for row in table.rows:
            assert len(row.errors) in (0, len(table.columns))
            assert len(row.our_errors) <= len(table.columns)
