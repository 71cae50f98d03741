"""A folder with a small GPT-2."""

import pytest

from small_gpt2 import small


@pytest.fixture
def folder(tmp_path):
    small().save_pretrained(tmp_path / "gpt2")
    return tmp_path / "gpt2"
