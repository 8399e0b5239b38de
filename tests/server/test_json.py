import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies
from hypothesis.extra.numpy import array_shapes
from hypothesis.extra.numpy import arrays

from keras_resattn_server.wire.json_decode import array_from_json
from keras_resattn_server.wire.json_encode import array_to_json
from keras_resattn_server.wire.json_encode import echo
from keras_resattn_server.wire.json_parser import parse_json
from keras_resattn_server.wire.status import ServingError

SHAPES = array_shapes(min_dims=0, max_dims=4, max_side=4)
TYPES = ["float32", "float64", "int8", "uint8", "int32", "int64", "uint64", "bool"]


@settings(deadline=None)
@given(strategies.data(), strategies.sampled_from(TYPES))
def test_a_tensor_reads_back_as_it_was_written(data, dtype):
    array = data.draw(arrays(dtype, SHAPES))
    (text,) = array_to_json(array, "x")
    read = array_from_json(parse_json(f'{{"x": {text}}}'.encode())["x"], dtype)
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, array, strict=True)


@settings(deadline=None)
@given(strategies.lists(strategies.binary(), min_size=1))
def test_bytes_read_back_as_they_were_written(values):
    array = np.empty(len(values), object)
    array[:] = values
    (text,) = array_to_json(array, "x_bytes")
    read = array_from_json(parse_json(f'{{"x": {text}}}'.encode())["x"], "string")
    assert read.tolist() == values


@settings(deadline=None)
@given(strategies.binary(max_size=40))
def test_any_bytes_parse_or_give_a_serving_error(body):
    try:
        parse_json(body)
    except ServingError as error:
        assert error.message.startswith("JSON Parse error: ")


@pytest.mark.parametrize(
    "value, text",
    [
        (1.0, "1.0"),
        (0.2, "0.2"),
        (1 / 3, "0.333333343"),
        (2.0**24, "16777216.0"),
        (9e6, "9e+06"),
        (-0.0, "-0.0"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
    ],
)
def test_floats_are_printed_by_the_contract(value, text):
    assert array_to_json(np.float32(value)[None], "x") == [f"[{text}]"]


def test_empty_axes_keep_their_nesting():
    assert array_to_json(np.zeros((0, 5), "float32"), "x") == ["[]"]
    assert array_to_json(np.zeros((2, 0), "float32"), "x") == ["[[], []]"]
    assert array_to_json(np.zeros((0, 5), "float32"), "x", axis=1) == []


@pytest.mark.parametrize(
    "body, value",
    [
        (b'{"a": 1, "a": 2}', {"a": 1}),
        (b"\xef\xbb\xbf {} ", {}),
        (b"{} trailing", {}),
        (b"[Inf, -Inf, Infinity]", [math.inf, -math.inf, math.inf]),
        (b'[Inf, {"a": "\\u00e9\xc3\xa9"}]', [math.inf, {"a": "éé"}]),
    ],
)
def test_the_parser_accepts(body, value):
    assert parse_json(body) == value


@pytest.mark.parametrize(
    "body, message, offset",
    [
        (b" ", "The document is empty.", 1),
        (b'{"a" 1}', "Missing a colon after a name of object member.", 5),
        (b'{"a": 1 "b"}', "Missing a comma or a closing bracket after a value.", 8),
        (b"[1 2]", "Missing a comma or a closing bracket after a value.", 3),
        (b"[1,]", "Invalid value.", 3),
        (b"[nul]", "Invalid value.", 1),
        (b"[1.]", "Missing a comma or a closing bracket after a value.", 2),
        (b"\xef\xbb\xbf[1,]", "Invalid value.", 6),
        (b'["1e400", "\xc3\xa9", 1e400]', "Number too big to be stored in double.", 16),
        (b"[" + b"9" * 5000 + b"]", "Number too big to be stored in double.", 1),
        (b"[1e400.]", "Number too big to be stored in double.", 1),
        (b"[2, 1e400e]", "Number too big to be stored in double.", 4),
        (b"[1e400-5]", "Number too big to be stored in double.", 1),
        (b"[" + b"9" * 5001 + b".]", "Number too big to be stored in double.", 1),
        (b'["\xc3\xa9', "Missing a closing quotation mark in string.", 1),
        (b'["\\x"]', "Invalid escape character in string.", 2),
        (b'["\\u12"]', "Incorrect hex digit after \\u escape in string.", 3),
        (b'["\n"]', "Invalid encoding in string.", 2),
    ],
)
def test_the_parser_says_what_is_wrong_and_at_which_byte(body, message, offset):
    with pytest.raises(ServingError) as caught:
        parse_json(body)
    assert caught.value.message == f"JSON Parse error: {message} at offset: {offset}"


@pytest.mark.parametrize("tail", [b"", b"Inf", b"!"])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting_is_an_error_and_no_crash(opening, tail):
    with pytest.raises(ServingError, match="nested too deeply"):
        parse_json(opening * 50_000 + tail)


@pytest.mark.parametrize(
    "value, dtype, message",
    [
        (10**400, "float32", "Number too big"),
        ([[1], 2], "int32", "found at incorrect level: 2 .* Expected at level: 2"),
        ([1, [2]], "int32", "list at unexpected level: 1 expected < 1"),
        ([[1, 2], [3]], "int32", "unexpected size: 1 at level: 1 expected size: 2"),
        (1.0, "float16", "Conversion of JSON Value: 1.0 to type: half"),
        ({"b64": 5}, "string", "not formatted correctly for base64 data"),
        ({"b64": "A"}, "string", "Unable to base64 decode"),
        ("\ud800", "string", "surrogate pair"),
        (True, "int32", "JSON Value: true Type: True is not of expected type: int32"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(value, dtype, message):
    with pytest.raises(ServingError, match=message):
        array_from_json(value, dtype)


@pytest.mark.parametrize(
    "value, dtype, stored",
    [
        (123456789, "float32", 123456792.0),
        (123456789012345678901234567890, "float32", 1.2345679e29),
        (1e39, "float32", math.inf),
        (-1e39, "float32", -math.inf),
        (2**53 + 1, "float64", 2.0**53),
    ],
)
def test_a_number_that_a_float_cannot_hold_is_rounded(value, dtype, stored):
    array = array_from_json([value], dtype)
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, np.array([stored], dtype))


@pytest.mark.parametrize("text", ["aGk=", "aGk", "a\nGk="])
def test_base64_may_lack_padding_and_hold_newlines(text):
    assert array_from_json({"b64": text}, "string") == b"hi"


def test_a_long_value_is_cut_in_messages():
    assert len(echo([1.5] * 100_000)) < 5000


def test_only_the_part_that_is_shown_is_written():
    deep = wide = {}
    for _ in range(300):
        wide["next"] = {}
        wide = wide["next"]
    # Each member would be written with an indent of 1,200 characters: gigabytes.
    wide |= {str(number): number for number in range(10**6)}
    text = echo(deep)
    assert text.startswith('{\n    "next": {\n        "next": {')
    assert len(text) == 100 + len("...")


def test_a_long_string_beside_a_wrong_number_takes_no_memory():
    tracemalloc.start()
    body = b'{"b64": "' + b"A" * 10**6 + b'\\"A", "x": 1e999}'
    try:
        with pytest.raises(ServingError, match="Number too big.*at offset: 1000020"):
            parse_json(body)
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20  # not 128 MB
    finally:
        tracemalloc.stop()
