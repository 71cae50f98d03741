"""Files are whole or not there."""

from pathlib import Path

import pytest

from nn.files import replacing, sweep


def test_the_file_comes_at_the_end_under_a_like_name(tmp_path):
    target = tmp_path / "picture.png"
    target.write_text("old")
    with replacing(str(target)) as beside:
        assert beside.name == "picture.png"
        beside.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_writer_keeps_to_its_owner_others_may_read_as_any_file(tmp_path):
    (tmp_path / "usual").touch()
    with replacing(tmp_path / "a.bin") as beside:
        beside.touch(mode=0o600)
    assert (tmp_path / "a.bin").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_where_nothing_may_be_written_the_file_is_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with (
        pytest.raises(PermissionError, match=r"cannot write .*a.bin: Permission denied"),
        replacing(tmp_path / "a.bin"),
    ):
        pass


def test_what_killed_writes_have_left_is_swept_up_and_nothing_else(tmp_path):
    for name in (".a.bin-01234567", ".a.bin-89abcdef", ".a.bin-not-one", ".b.bin-01234567"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").touch()
    sweep(tmp_path / "a.bin")
    assert {path.name for path in tmp_path.iterdir()} == {".a.bin-not-one", ".b.bin-01234567"}


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_after_an_error_all_is_as_it_was(tmp_path, error):
    target = tmp_path / "a.bin"
    target.write_text("old")
    with pytest.raises(error), replacing(target) as beside:  # noqa: PT012
        beside.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"), replacing(tmp_path / "nowhere" / "a"):
        pass
