"""JSON and text files: what is read equals what was written. Errors: transformer/tokenizer/test_base.py."""

from nn.json_files import read_json, read_text, write_json


def test_a_value_is_written_and_read(tmp_path):
    value = {"ä": [1, None, "漢\n"]}
    write_json(value, tmp_path / "a.json")
    assert read_json(str(tmp_path / "a.json")) == value
    assert "漢" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_a_byte_order_mark_is_dropped(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfhello")
    assert read_text(tmp_path / "a.txt") == "hello"
