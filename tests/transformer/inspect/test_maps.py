"""Attention as maps that a notebook shows, and tokens on colours."""

import re

import pytest

import tinygrad_lecture as tl
from transformer import GPT, BPETokenizer, GPTConfig
from transformer.inspect.probes import AttentionMaps


@pytest.fixture
def trace():
    return GPT(GPTConfig(vocab_size=5, context=4, layers=2, heads=2, width=4)).trace(tl.tensor([0, 1, 2]))


def test_each_head_of_each_layer_has_a_map_with_the_tokens(trace):
    html = trace.maps(["was", " the", "<b>"])._repr_html_()
    assert html.count("layer ") == 2
    assert html.count("head ") == 4
    assert "·the" in html
    assert "&lt;b&gt;" in html
    assert "<b>was" not in html
    assert 'title="was → was: 1"' in html


def test_as_text_it_says_what_each_token_attends_to_most(trace):
    lines = repr(trace.maps(["a", "b", "c"])).split("\n")
    assert len(lines) == 4
    assert lines[0].startswith("layer 0 head 0:  a→a 1.00  b→")


def test_a_trace_shows_its_maps_with_the_ids(trace):
    assert 'title="0 → 0: 1"' in trace._repr_html_()


def test_labels_must_match(trace):
    with pytest.raises(ValueError, match=r"\(2, 2\) labels need weights of shape \(heads, 2, 2\), got \(2, 3, 3\)"):
        AttentionMaps(trace.attention, ["a", "b"])


def test_each_token_of_an_explained_text_has_a_colour_and_its_id():
    tokenizer = BPETokenizer.train("the cat sat on the mat " * 5, 270)
    html = tokenizer.explain("the <cat>")._repr_html_()
    tokens = re.findall(r'<span title="id (\d+)"[^>]*>([^<]*)</span>', html)
    assert [int(number) for number, _ in tokens] == tokenizer.encode("the <cat>")
    assert "&lt;" in html
    assert "merges" in html
