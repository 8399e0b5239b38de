"""Names of classes in messages."""

import pytest

from keras_resattn.data.divided_files import listed


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["cat", "T-shirt/top"], "cat, T-shirt/top"),
        (["fire truck", "a, b", ""], "'fire truck', 'a, b', ''"),
        ([str(i) for i in range(12)], "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"),
    ],
)
def test_names_with_spaces_or_commas_are_quoted(names, text):
    assert listed(names) == text
