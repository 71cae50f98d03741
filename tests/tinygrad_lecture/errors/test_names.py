"""A name that a module does not have: what to write; and what `dir` lists."""

import re
import traceback

import pytest

import nn
import tinygrad_lecture as tl
from nn import functional as F
from tinygrad_lecture.errors import remedies


def test_a_package_that_was_not_imported_is_to_be_imported(monkeypatch):
    monkeypatch.delattr(nn, "torch", raising=False)
    with pytest.raises(AttributeError, match=r"^nn has no attribute 'torch'; write import nn\.torch$"):
        _ = nn.torch


def test_what_is_named_instead_exists():
    for text in (text for table in remedies().values() for text in table.values()):
        for path in re.findall(r"\b(?:tl|nn|F)(?:\.\w+)+", text):
            assert eval(path) is not None
    assert all(name == name.lower().replace("_", "") for name in remedies()["written_out"])


def test_dir_lists_what_is_imported_when_it_is_first_used():
    assert {"page", "Graph", "gradcheck", "tensor"} <= set(dir(tl))
    assert {"Linear", "optim"} <= set(dir(nn))
    assert set(dir(F)) == set(F.__all__)
    for name in dir(tl):
        getattr(tl, name)


def test_a_tensors_missing_method_suggests_only_what_is_alike():
    with pytest.raises(AttributeError) as caught:
        tl.ones(3).foo_bar()
    assert "floor" not in "".join(traceback.format_exception_only(caught.value))
