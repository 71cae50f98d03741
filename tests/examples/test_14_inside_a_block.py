"""Inside a block: what is linear, which tokens a part changes, how heads become one vector, GPT-3's numbers."""

import pytest

from programs import load, numbers_after, output_of

program = load("14_inside_a_block")


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return output_of(program, out=tmp_path_factory.mktemp("block"))


def test_three_linear_layers_are_one_matrix_and_with_relu_they_are_not(text):
    assert numbers_after(text, "one matrix W_1 W_2 W_3")[0] < 1e-5
    assert numbers_after(text, "f(a + b), and f(a) + f(b)")[0] > 0.1


def test_attention_is_linear_in_the_values_and_not_in_x(text):
    assert numbers_after(text, "attention A(2V + 3V'), and 2 A(V) + 3 A(V')")[0] < 1e-5
    assert numbers_after(text, "attention A(2x), and 2 A(x)")[0] > 0.1


def test_with_relu_only_bank_and_water_together_mean_geography(text):
    assert [numbers_after(text, f"\n  {name}  ") for name in ("bank", "water", "bank and water")] == [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [1, -1, 0, 0],
    ]


@pytest.mark.parametrize(
    ("part", "changed"),
    [("FFN", {2}), ("attention", {0, 1, 2, 3, 4}), ("causal attention", {2, 3, 4}), ("block of a GPT", {2, 3, 4})],
)
def test_the_ffn_changes_one_row_and_attention_those_that_see_it(text, part, changed):
    assert {i for i, size in enumerate(numbers_after(text, f"\n  {part}  ")) if size} == changed


def test_heads_are_concatenated_and_projected_as_in_the_module(text):
    assert "concatenated: 8 heads x 96 = 768" in text
    assert numbers_after(text, "the difference from what MultiHeadAttention returns: ")[0] < 1e-5
    _, summed, _, lost = numbers_after(text, "The sum of the ")
    assert summed < 1e-5 < lost


def test_a_head_alone_writes_its_own_numbers(text):
    assert "Without W_O each head writes 96 of the 768" in text
    assert "With W_O each head writes all 768" in text


@pytest.mark.parametrize("number", ["9,216", "12,288", "50,257", "175,181,291,520"])
def test_the_numbers_of_gpt3_are_the_lectures(text, number):
    assert number in text[text.index("GPT-3's numbers") :]


def test_a_token_that_is_not_there_cannot_be_changed(tmp_path):
    with pytest.raises(ValueError, match="the tokens are Was the bank"):
        output_of(program, changed="river", out=tmp_path)
