"""Files are whole or not there."""

import pytest

from nn.files import replacing


def test_the_file_comes_at_the_end_under_a_like_name(tmp_path):
    target = tmp_path / "picture.png"
    target.write_text("old")
    with replacing(str(target)) as beside:
        assert beside.parent == tmp_path
        assert beside.suffix == ".png"
        beside.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


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
