"""The file of results: what is in it after any interruption."""

import csv
import json

import pytest

from keras_resattn_client.result_formats import Result
from keras_resattn_client.results import ResultFile

RESULTS = [
    Result("a.png", (("dark", 0.75), ("bright", 0.25))),
    Result('b, "c"\nd.png', (("bright", 1.0), ("dark", 0.0))),
    Result("e\udcff.png", error="no image"),
]
CSV = (
    "image,label_1,probability_1,label_2,probability_2,error\n"
    "a.png,dark,0.75,bright,0.25,\n"
    '"b, ""c""\nd.png",bright,1,dark,0,\n'
)


@pytest.fixture(params=["csv", "jsonl"])
def path(request, tmp_path):
    return tmp_path / "folder" / f"results.{request.param}"


def write(path, results):
    with ResultFile(path, top=2) as file:
        file.append(results)


def test_csv_and_json_lines_are_as_documented(tmp_path):
    write(tmp_path / "r.csv", RESULTS[:2])
    assert (tmp_path / "r.csv").read_text() == CSV
    write(tmp_path / "r.jsonl", RESULTS)
    lines = (tmp_path / "r.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {
        "image": "a.png",
        "probabilities": {"dark": 0.75, "bright": 0.25},
    }
    assert json.loads(lines[2]) == {"image": "e\udcff.png", "error": "no image"}


def test_what_is_in_it_is_known_when_it_is_opened_again(path):
    write(path, RESULTS)
    with ResultFile(path, top=2) as file:
        assert file.failed == {
            "a.png": False,
            'b, "c"\nd.png': False,
            "e\udcff.png": True,
        }
        assert "a.png" in file and "z.png" not in file


def test_wherever_it_is_torn_it_ends_as_if_undisturbed(path):
    write(path, RESULTS)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with ResultFile(path, top=2) as file:
            file.append(r for r in RESULTS if r.image not in file)
        assert path.read_bytes() == whole, size


def test_overwriting_begins_anew(path):
    write(path, RESULTS)
    with ResultFile(path, top=2, overwrite=True) as file:
        assert file.failed == {}
        file.append(RESULTS[:1])
    with ResultFile(path, top=2) as file:
        assert list(file.failed) == ["a.png"]


def test_overwriting_keeps_the_results_until_there_are_new_ones(path):
    write(path, RESULTS)
    before = path.read_bytes()
    with pytest.raises(ConnectionError), ResultFile(path, top=2, overwrite=True):
        raise ConnectionError
    assert path.read_bytes() == before


def test_two_processes_do_not_write_one_file(path):
    with ResultFile(path):
        with pytest.raises(BlockingIOError, match=f"Received: {path}"):
            ResultFile(path)
        with pytest.raises(BlockingIOError):
            ResultFile(path, overwrite=True)


@pytest.mark.parametrize(
    "text",
    [
        "something else\n",
        "1\n",
        "[]\n",
        "a,b,c\n",
        "a line without an end",
        'name,"a quote\nthat,does not\nend',
        "image;label",
        '{"label": 1}',
    ],
)
def test_a_file_of_something_else_is_told_and_left_alone(path, text):
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(ValueError, match="other content than these results"):
        ResultFile(path)
    assert path.read_text() == text


def test_csv_with_another_number_of_classes_is_told(tmp_path):
    write(tmp_path / "r.csv", RESULTS)
    before = (tmp_path / "r.csv").read_bytes()
    three = Result("z.png", (("dark", 0.5), ("bright", 0.25), ("grey", 0.25)))
    with ResultFile(tmp_path / "r.csv", top=3) as file:
        with pytest.raises(ValueError, match="another number of classes"):
            file.append([three])
    assert (tmp_path / "r.csv").read_bytes() == before
    with pytest.raises(ValueError, match="another number of classes"):
        ResultFile(tmp_path / "r.csv", top=1)


def test_csv_has_as_many_columns_as_there_are_classes(tmp_path):
    with ResultFile(tmp_path / "r.csv", top=5) as file:
        file.append(RESULTS[2:])  # the number of classes is not known yet
        assert RESULTS[2].image in file
        file.append(RESULTS[:2])
    header, error, rows = CSV.partition("\n")
    error = "e\udcff.png,,,,,no image\n"
    text = (tmp_path / "r.csv").read_text(errors="surrogateescape")
    assert text == f"{header}\n{error}{rows}"


def test_csv_of_errors_alone_can_be_continued(tmp_path):
    write(tmp_path / "r.csv", RESULTS[2:])
    write(tmp_path / "r.csv", RESULTS[:2])
    with ResultFile(tmp_path / "r.csv", top=2) as file:
        assert list(file.failed.values()) == [True, False, False]


def test_torn_within_the_header_for_excel_it_is_begun_again(tmp_path):
    path = tmp_path / "r.csv"
    with ResultFile(path, top=2, excel=True) as file:
        file.append(RESULTS[:2])
    whole = path.read_bytes()
    for size in range(10):
        path.write_bytes(whole[:size])
        with ResultFile(path, top=2, excel=True) as file:
            file.append(RESULTS[:2])
        assert path.read_bytes() == whole, size


def test_for_excel_csv_begins_with_a_byte_order_mark(tmp_path):
    for results in (RESULTS[:1], RESULTS[1:2]):
        with ResultFile(tmp_path / "r.csv", top=2, excel=True) as file:
            file.append(results)
    assert (tmp_path / "r.csv").read_text(encoding="utf-8-sig") == CSV
    assert (tmp_path / "r.csv").read_bytes().count(b"\xef\xbb\xbf") == 1


@pytest.mark.parametrize("mark", ["=", "+", "-", "@", "\t", "'=", "''@"])
def test_cells_that_a_spreadsheet_would_run_are_marked(tmp_path, mark):
    result = Result(f"{mark}a.png", ((f"{mark}dark", 0.5),))
    write(tmp_path / "r.csv", [result])
    with (tmp_path / "r.csv").open(newline="") as file:
        _, (image, label, probability, _) = csv.reader(file)
    assert (image, label) == (f"'{mark}a.png", f"'{mark}dark")
    assert probability == "0.5"
    with ResultFile(tmp_path / "r.csv", top=2) as file:
        assert result.image in file


def test_a_name_without_a_format_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"FILE\.csv or FILE\.jsonl"):
        ResultFile(tmp_path / "results.txt")
    assert not (tmp_path / "results.txt").exists()
