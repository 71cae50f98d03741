"""A decoder learns the shares of its text: facts, chance answers, biases; and makes up what the text does not say."""

import re

import pytest

from helpers import next_word
from helpers.program import DataError
from programs import load, numbers_after, output_of

program = load("15_next_word")
ANSWER = "\n  Was the bank flooded?                      "


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    out = tmp_path_factory.mktemp("next_word")
    return output_of(program, out=out, steps=220, T=(0.1, 3.0))


def test_the_target_of_a_token_is_the_next_token(text):
    tokens, targets = (text[text.index(f"\n  {name} ") :].split("\n")[1].split()[1:] for name in ("token", "target"))
    assert targets[:-1] == tokens[1:]
    assert targets[-1] == tokens[0] == "<start>"


def test_it_learns_stated_facts_and_what_stands_before_a_question(text):
    assert numbers_after(text, "step  220: loss")[-1] > 0.3  # P(Paris), of 88 words
    assert "The river rose. Was the bank flooded?      'Yes' 0.9" in text
    assert "The river was low. Was the bank flooded?   'No' 0.9" in text


def test_it_learns_the_shares_of_chance_answers(text):
    answers = text[text.index(ANSWER) + len(ANSWER) :].split("\n")[0].split("   ")
    found = {pair.split("'")[1]: float(pair.split()[-1]) for pair in answers}
    assert found["Yes"] == pytest.approx(0.4, abs=0.1)
    assert found["No"] == pytest.approx(0.3, abs=0.1)


def test_it_makes_up_a_capital_as_well_formed_as_the_stated_ones(text):
    cities = {*next_word.CAPITALS.values(), *next_word.UNSTATED.values()}
    invented = re.findall(r'"The capital of (\w+) is (\w+)\."   P = ', text)
    assert [country for country, _ in invented] == list(next_word.UNSTATED)
    assert all(city in cities - {next_word.UNSTATED[country]} for country, city in invented)


def test_a_conversation_changes_no_weight(text):
    before, after = numbers_after(text, "P(Oslo) before ")
    assert before == after
    assert "All weights are the same as before." in text


def test_a_low_temperature_is_right_and_a_high_one_varies_and_is_nonsense(text):
    (_, right, words, nonsense), (_, less, more, none) = rows(text)
    assert right > 95 > less
    assert words < more <= len(next_word.WEATHER)
    assert nonsense == 0 < none


def test_a_list_of_capitals_stops_every_wrong_answer(text):
    everything, wrong, _ = numbers_after(text, "\n  all answers")
    confirmed, still_wrong, asked = numbers_after(text, "\n  those that a list of capitals confirms")
    assert (confirmed, still_wrong, asked) == (everything - wrong, 0, wrong)
    assert wrong >= len(next_word.UNSTATED)


def test_a_word_that_the_corpus_lacks_is_refused_before_the_training(tmp_path):
    with pytest.raises(DataError, match='--ask "The moon": it knows only the words of its corpus'):
        output_of(program, ask=("The moon",), out=tmp_path)


def rows(text):
    table = text[text.index("Accuracy against variety") :].split("\n")[2:4]
    return [[float(cell.strip("%")) for cell in line.split()] for line in table]
