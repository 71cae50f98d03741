"""JSON and text files: what is read equals what was written; errors name the file."""

import pytest

from nn.files.json_files import read_json, read_text, write_json


def test_a_value_is_written_and_read(tmp_path):
    value = {"ä": [1, None, "漢\n"]}
    write_json(value, tmp_path / "a.json")
    assert read_json(str(tmp_path / "a.json")) == value
    assert "漢" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_a_byte_order_mark_is_dropped(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfhello")
    assert read_text(tmp_path / "a.txt") == "hello"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not valid JSON"),
        (b'{"a": 1', "is not valid JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'"\xff"', "not UTF-8 text: byte 1 is 0xff"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.json.*{message}"):
        read_json(tmp_path / "a.json")


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.json"):
        read_json(tmp_path / "none.json")
    with pytest.raises(FileNotFoundError, match="is a folder, not a file"):
        read_text(tmp_path)
