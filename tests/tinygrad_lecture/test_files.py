"""Atomic writes: a file is complete or absent, also after errors."""

import errno
import os
import re

import pytest

from tinygrad_lecture.files import (
    atomic_write,
    check_writable,
    hold,
    make_folder,
    read_json,
    read_text,
    sweep,
    write_json,
)


def test_the_file_is_replaced_at_the_end_of_the_block(tmp_path):
    target = tmp_path / "picture.png"
    target.write_text("old")
    with atomic_write(str(target)) as temporary:
        assert temporary.name == "picture.png"
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_reported_with_the_file_name(tmp_path):
    """Also where the system names no file, as in a write, or the temporary one; what it says of others is kept."""
    full, target = (errno.ENOSPC, "No space left on device"), tmp_path / "a.html"
    with pytest.raises(OSError, match=rf"^cannot write {re.escape(str(target))}: {full[1]}$"), atomic_write(target):
        raise OSError(*full)
    with pytest.raises(OSError, match=rf"^cannot write .*a\.html: {full[1]}$"), atomic_write(target) as temporary:
        raise OSError(*full, str(temporary))
    with pytest.raises(OSError, match=r"^.Errno .*: 'other'$"), atomic_write(target):
        raise OSError(*full, "other")


def test_sweep_removes_leftovers_of_killed_writes_only(tmp_path):
    for name in (".a.bin-01234567", ".a.bin-89abcdef", ".a.bin-not-one", ".b.bin-01234567"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").touch()
    sweep(tmp_path / "a.bin")
    assert {path.name for path in tmp_path.iterdir()} == {".a.bin-not-one", ".b.bin-01234567"}


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file(tmp_path, error):
    target = tmp_path / "a.bin"
    target.write_text("old")
    with pytest.raises(error), atomic_write(target) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_symbolic_link_stays_and_the_file_that_it_leads_to_is_written(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "target.dat", tmp_path / "link.png"
    link.symlink_to(target)
    for text in ("new", "newer"):
        with atomic_write(link) as temporary:
            assert temporary.suffix == ".png"
            temporary.write_text(text)
        assert target.read_text() == text
    assert link.is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"there", "link.png"}


REFUSED = [
    ("nowhere/a", FileNotFoundError, r"there is no folder .*nowhere"),
    ("folder", IsADirectoryError, "cannot write folder: it is a folder"),
    ("folder/..", IsADirectoryError, "cannot write folder/..: it is a folder"),
    (".", IsADirectoryError, "cannot write .: it is a folder"),
]


@pytest.mark.parametrize(("path", "error", "message"), REFUSED)
def test_what_cannot_be_written_is_named(tmp_path, monkeypatch, path, error, message):
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message), atomic_write(path):
        pass
    assert {file.name for file in tmp_path.iterdir()} == {"folder"}


def test_what_is_no_file_is_refused_and_stays(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link"):
        with pytest.raises(OSError, match=rf"cannot write .*{name}: it is a device, a pipe or the like"):
            atomic_write(tmp_path / name).__enter__()
    with pytest.raises(OSError, match="give the path of a file"):
        check_writable("/dev/null")
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", "link"}
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("folder", ["file", "file/inside"])
def test_a_file_in_place_of_a_folder_is_named(tmp_path, folder):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match=r"cannot make the folder .*: .*file is a file; give another path"):
        make_folder(tmp_path / folder)


def test_a_folder_is_held_by_one_at_a_time(tmp_path):
    pytest.importorskip("fcntl")
    with hold(tmp_path):
        with pytest.raises(BlockingIOError, match=r"another program writes to the folder .*give another"):
            hold(tmp_path).__enter__()
        assert list(tmp_path.iterdir()) == []
    with hold(tmp_path):
        pass


# --- JSON and text: errors in transformer/tokenizer/test_base.py -------------------------------------------------


def test_json_is_written_and_read_and_a_byte_order_mark_dropped(tmp_path):
    value = {"ä": [1, None, "漢\n"]}
    write_json(value, tmp_path / "a.json")
    assert read_json(str(tmp_path / "a.json")) == value
    assert "漢" in (tmp_path / "a.json").read_text(encoding="utf-8")
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfhello")
    assert read_text(tmp_path / "a.txt") == "hello"
