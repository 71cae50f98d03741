"""What the programs print is what the lecture says: a table of claims, each with what is to be seen in the output."""

import math
import re

import numpy as np
import pytest

from helpers.program import DataError
from programs import Output, load, output_of

approx = pytest.approx


def rises(numbers):
    return sorted(numbers) == list(numbers) and len(numbers) > 1


def falls(numbers):
    return rises([-x for x in numbers])


MEANINGS = {
    "The bank was flooded.": "river bank",
    "The tower was very tall.": "a tower",
    "The Eiffel tower was very tall.": "landmark in Paris",
    "The machine learning model was new.": "program",
    "The fashion model was new.": "person",
}
WAYS = ("batch", "mini-batch", "stochastic")
SCORES = np.array([2.0, 1.8, 1.2, 0.8, 0.6])
P = np.exp(SCORES) / np.exp(SCORES).sum()
WORDS = ("sunny", "cloudy", "rainy", "snowy", "windy")
ASKED = "\n  Was the bank flooded?                      "


def softmax_row(t, T, word):
    """The exponential and the probability of a word in the table of a temperature, as it is printed."""
    cells = t[t.index(f"\nT = {T:g} ") :]
    cells = cells[cells.index(f"  {word} ") :].split("\n")[0].split(")")[-1].split()
    return float(cells[0]), float(cells[2])


CLAIMS = {
    ("01_neuron",): {
        "it weighs, sums and activates": lambda t: "= 1.100" in t and "a = sigmoid(1.100) = 0.750    it fires" in t,
        "a positive weight encourages, a negative one inhibits": lambda t: all(
            (on > off) == (weight > 0)
            for weight, off, on in (t(f"\n  {name:10} weight") for name in ("sunshine", "wind", "company"))
        ),
        "with a bias it fires without any input": lambda t: (
            [t(f"\n  bias   {bias:2}    activation")[0] for bias in (4, -4)] == approx([0.982, 0.018])
        ),
        "without bias the line passes through the origin": lambda t: (
            t("with bias     line")[0] == approx(0.5**0.5, abs=0.05) and t("with bias     line")[1] > 95
            and t("without bias  line")[0] == 0 and t("without bias  line")[1] < 85
        ),
    },
    ("02_digits", "--epochs", "3"): {
        "an untrained network has a favourite digit": lambda t: t("It calls ")[0] > 15 and t("It calls ")[2] < 25,
        "three epochs read most digits": lambda t: t("Test accuracy")[0] > 80,
        "the cost falls": lambda t: falls(t.floats(r"mean cost (\d\.\d+)   test")),
        "sure and right answers cost less": lambda t: t("\n  sure and right")[1] < t("\n  unsure ")[1],
        "weights become smooth": lambda t: abs(t("\n  before training")[0]) < 0.05 < 0.2 < t("\n  after training")[0],
        "and more like edges than random patches are": lambda t: rises(
            [t(f"\n  {which}")[1] for which in ("before training", "random patches", "after training")]
        ),
        "exactly the wanted outputs cost nothing, others more": lambda t: (
            (n := t("a sum of squares:\n"))[0] == 0 < n[1] < n[2]
        ),
    },
    ("03_gradient_descent", "--evaluations", "60", "--epochs", "1"): {
        "fewer points a step tremble more": lambda t: rises([t(f"\n  {way} ")[2] for way in WAYS]),
        "fewer points a step need fewer points": lambda t: falls([t(f"\n  {way} ")[4] for way in WAYS]),
        "no random direction comes near the gradient": lambda t: all(
            gradient > 10 * best and 20 < down < 80
            for gradient, best, down in (t(f"\n{length:>13} ") for length in ("0.01", "0.1", "1"))
        ),
        "networks that have not learnt enough are not compared": lambda t: (
            "Not all have come to 95%, so they cannot be compared" in t and "regularization" not in t
        ),
        "descent beats random search": lambda t: t("\n  gradient descent ")[1] < t("\n  random changes ")[1],
    },
    ("04_backprop", "--page", "--repeats", "1"): {
        "backward goes from the cost to the inputs": lambda t: falls(t.floats(r"(?m)^ +(\d+)\.  ", "Backward:")),
        "steps have local derivatives": lambda t: "2e · dC/dsquares" in t and "outer product of dC/ds1 and a0" in t,
        "a step against the gradient lowers the cost": lambda t: falls(t("its gradient. Cost")),
        "leaky ReLU lets a gradient through": lambda t: t("\n  relu ")[0] == 0 < t("\n  leaky-relu ")[0],
        "nudging takes two forward passes for each parameter": lambda t: (
            t("2 · 13,002 · ")[1] == approx(2 * 13_002 * t("2 · 13,002 · ")[0] / 1000, rel=0.2)
        ),
        "8,500 pictures take more memory than 1,000": lambda t: (
            rises(m := t.floats(r"([\d.]+) MB")) and len(m) == 4 and m[-1] > 5 * m[-2]
        ),
        "larger batches have less noise, by the root": lambda t: (
            falls(n := t.floats(r"pictures? +([\d.]+)", "The noise of a batch"))
            and np.log(n[0] / n[-1]) / np.log(512) == approx(0.5, abs=0.1)
        ),
    },
    ("05_tokenize",): {
        "the lecture's words": lambda t: t.lines("5 words, of")[0].split() == ["Was", "the", "bank", "flooded", "?"],
        "its five pieces": lambda t: t.lines("5 pieces, of")[0].split() == ["Was", "·the", "·bank", "·flooded", "?"],
        "its characters": lambda t: t.lines("21 characters, of")[0].split() == list("Was·the·bank·flooded?"),
        "cleverest becomes its three pieces": lambda t: (
            (s := [line.split()[-1] for line in t.lines("  merge  pair")[:7]])[0] == "|".join("cleverest")
            and s[-1] == "cle|ve|rest" and "cleverest" not in load("05_tokenize").NINE_WORDS.split()
        ),
        "more pieces, a shorter sequence": lambda t: falls(t.floats(r"\n  pieces +[\d,]+ +([\d,]+)")),
        "no piece is unknown, and some words are": lambda t: (
            {*t.floats(r"\n  pieces .* (\d+)(?=\n)")} == {0} and t("\n  words ")[-1] > 0
        ),
        "the vocabulary of words grows": lambda t: (
            rises(n := t.floats(r"characters +([\d,]+) different words")) and n[-1] == t("\n  words ")[0] - 1
        ),  # without the token for unknown words
    },
    ("06_word_vectors", "--sentences", "12000", "--epochs", "2"): {
        "king - man + woman is queen": lambda t: t.first("king - man + woman") == "queen",
        "the lecture's formula leads to a country": lambda t: t.first("germany - berlin + france") in dict(
            load("06_word_vectors").corpus.CAPITAL),
        "the swapped one leads to Paris": lambda t: t.first("berlin - germany + france") == "paris",
        "words of a kind are nearer to each other": lambda t: all(
            within > others + 0.2
            for within, others in (t(f"\n  {kind}:")[:2] for kind in load("06_word_vectors").CLUSTERS)
        ),
        "plurals are one direction": lambda t: t("On average over 31 words")[0] > 0.5,
        "mammal is between animal and dog": lambda t: "it is between them" in t,
        "occupations follow the bias of the text": lambda t: (
            (jobs := load("06_word_vectors").corpus.OCCUPATIONS)
            and (c := [t(f"\n  {job} ")[0] for job, *_ in jobs])[0] < 0 < c[-1]
            and np.corrcoef(c, [share for _, share, _ in jobs])[0, 1] > 0.8
        ),
    },
    ("07_attention", "--steps", "600"): {
        "bank looks most at flooded, and blends all words": lambda t: (
            max(w := dict(re.findall(r"     (\S+) +score .* weight (\d\.\d\d)", t)), key=w.get) == "flooded"
            and float(w["flooded"]) < 0.97 and sum(map(float, w.values())) == approx(1, abs=0.03)
        ),
        "it means the river's": lambda t: '"bank" now means: river bank' in t,
        "a word means something else in another sentence": lambda t: all(
            t(f"  {sentence} ", "looks at", sense)[0] > 0.5 for sentence, sense in MEANINGS.items()
        ),
        "vectors of a word are one before attention and two after": lambda t: all(
            before == 1 and after < 0.9 for before, after in (t(f"\n  {w}: ")[-2:] for w in ("tower", "model"))
        ),
        "the lecture's relationships are ticked": lambda t: t.count("✓") >= 7,
        "car is not red before red is read": lambda t: "red" not in t.lines("nearest description")[0]
        and "John's" not in t.lines('Initial: the car')[0],
        "the final car is the lecture's": lambda t: (
            "The final vector says: red, John's, lately, unreliable; as in the lecture." in t
        ),
        "without a head something is lost": lambda t: all(min(t(f"without head {h}")) < 90 for h in (1, 2, 3)),
        "where nobody divides the work a head serves several kinds": lambda t: (
            max(t("Without head 1, 2, 3 answers of ")[:3]) > 1 and "not one kind a head" in t
        ),
    },
    ("10_gpt2", "--steps", "4", "--tokens", "5"): {
        "weights are counted by formula and one by one": lambda t: (
            len({*re.search(r"together +([\d,]+), and counted ([\d,]+)", t).groups()}) == 1
            and t("GPT-2 small ") == [12, 12, 768, 124_439_808]
        ),
        "the likeliest come first": lambda t: falls(p := t.floats(r"(?m)^ +([\d.]+)%  ")) and len(p) == 8,
        "GPT-3 costs what the lecture says": lambda t: (
            "$4.7 million" in t and t("on one V100, 28e12 a second: ")[0] == approx(355, rel=0.02)
        ),
    },
    ("11_spam", "--epochs", "3", "--message", "you won a phone! txt 80086"): {
        "every representation finds spam": lambda t: all(
            accuracy > 88 and min(precision, recall) > 0.6
            for accuracy, precision, recall, *_ in (
                t(f"\n  {name:20}") for name in ("bag of words", "TF-IDF", "embeddings", "characters"))
        ),
        "all is ham: right for most, and finds nothing": lambda t: (
            75 < (n := t("\n  all is ham  "))[0] < 90 and n[1] == n[3] == 0 < n[2]
        ),
        "good words hide spam from a filter that counts words": lambda t: (
            (n := t("Adversarial", "\n  bag of words"))[6] < n[0] - 20
        ),
        "retraining finds new spam": lambda t: (
            t("new spam found", "\n         0")[0] < 50 and t("new spam found", "\n       100")[0] > 95
        ),
        "rules do not": lambda t: "The rules find 0% of it" in t,
        "your message is judged by all": lambda t: (
            t("\nyou won a phone!", "TF-IDF         P(spam) = ")[0] > 0.5
            and "rules          8 points (4 or more: spam): a short code to text to +3" in t
        ),
    },
    ("13_temperature",): {
        "probabilities are softmax": lambda t: all(
            softmax_row(t, T, word) == (approx(np.exp(score / T), abs=5e-4),
                                        approx(np.exp(score / T) / np.exp(SCORES / T).sum(), abs=5e-5))
            for T in (0.5, 1, 2) for word, score in zip(WORDS, SCORES, strict=True)
        ),
        "what the lecture rounds otherwise is marked": lambda t: re.findall(r"\n  (\w+) .*rounds to (\S+)", t) == [
            ("snowy", "0.04"), ("sum", "20.8"), ("rainy", "0.19"), ("windy", "0.14")],
        "near 0 one word has all": lambda t: t("From T near 0", "\n    0.01 ")[:5] == [1, 0, 0, 0, 0],
        "near infinity all are alike": lambda t: t("From T near 0", "\n     100 ")[:5] == approx([0.2] * 5, abs=2e-3),
        "T = 0 is greedy": lambda t: 'greedy: always the likeliest word, "sunny"' in t,
    },
    ("13_temperature", "--draws", "100000", "--T", "0.5"): {
        "words are drawn as often as their probability says": lambda t: all(
            abs(count - expected) < 4 * deviation
            for count, expected, deviation in (t("words drawn", f"\n  {word} ") for word in WORDS)
        ),
    },
    ("14_inside_a_block",): {
        "three linear layers are one matrix": lambda t: t("one matrix W_1 W_2 W_3")[0] < 1e-5,
        "with ReLU they are not": lambda t: t("f(a + b), and f(a) + f(b)")[0] > 0.1,
        "attention is linear in the values": lambda t: t("attention A(2V + 3V'), and 2 A(V) + 3 A(V')")[0] < 1e-5,
        "not in x": lambda t: t("attention A(2x), and 2 A(x)")[0] > 0.1,
        "with ReLU only bank and water together mean geography": lambda t: (
            [t(f"\n  {name}  ") for name in ("bank", "water", "bank and water")] == [[0] * 4, [0] * 4, [1, -1, 0, 0]]
        ),
        "a part changes the rows that see the token": lambda t: all(
            {i for i, size in enumerate(t(f"\n  {part}  ")) if size} == changed
            for part, changed in (("FFN", {2}), ("attention", {0, 1, 2, 3, 4}), ("causal attention", {2, 3, 4}),
                                  ("block of a GPT", {2, 3, 4}))
        ),
        "heads are concatenated and projected as in the module": lambda t: (
            "concatenated: 8 heads x 96 = 768" in t
            and t("the difference from what MultiHeadAttention returns: ")[0] < 1e-5
            and (n := t("The sum of the "))[1] < 1e-5 < n[3]
        ),
        "a head alone writes its own numbers": lambda t: (
            "Without W_O each head writes 96 of the 768" in t and "With W_O each head writes all 768" in t
        ),
    },
    ("15_next_word", "--steps", "220", "--T", "0.1", "3.0"): {
        "the target of a token is the next token": lambda t: (
            (rows := [t.lines(f"\n  {name} ")[0].split()[1:] for name in ("token", "target")])[1][:-1] == rows[0][1:]
            and rows[1][-1] == rows[0][0] == "<start>"
        ),
        "it learns stated facts": lambda t: t("step  220: loss")[-1] > 0.3,  # P(Paris), of 88 words
        "it learns what stands before a question": lambda t: (
            "The river rose. Was the bank flooded?      'Yes' 0.9" in t
            and "The river was low. Was the bank flooded?   'No' 0.9" in t
        ),
        "it learns the shares of chance answers": lambda t: t(ASKED)[:2] == approx([0.4, 0.3], abs=0.1),
        "a conversation changes no weight": lambda t: (
            len({*t("P(Oslo) before ")}) == 1 and "All weights are the same as before." in t
        ),
        "a low temperature is right, a high one varies and is nonsense": lambda t: (
            (low := t("Accuracy against", "\n   0.1"))[0] > 95 > (high := t("Accuracy against", "\n     3"))[0]
            and low[1] < high[1] <= 5 and low[2] == 0 < high[2]
        ),
        "a list of capitals stops every wrong answer": lambda t: (
            (n := t("\n  all answers"))[1] >= 3
            and t("\n  those that a list of capitals confirms") == [n[0] - n[1], 0, n[1]]
        ),
    },
    ("16_order_and_memory", "--steps", "1", "--lengths", "4"): {
        "a bag of words is blind to order": lambda t: t("\n  the dog bit the man ") == t("\n  the man bit the dog "),
        "attention without positions too": lambda t: (
            t("without positions  outputs differ by ")[0] < 1e-5 < 1e-3 < t("with positions     outputs differ by ")[0]
        ),
        "an RNN's gradient fades": lambda t: falls(n := t(f"\n  {'RNN':14}")) and n[0] > 1e20 * n[-1] > 0,
        "attention's does not": lambda t: max(n := t(f"\n  {'attention':14}")) < 2 * min(n),
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "claim"), [(command, claim) for command, claims in CLAIMS.items() for claim in claims],
    ids=lambda x: x if isinstance(x, str) else x[0],
)  # fmt: skip
def test_a_claim(command, claim, run_once):
    text = Output(run_once(*command)[0])
    assert CLAIMS[command][claim](text), text


REFUSED = [
    ("13_temperature", {"T": (1.0, 0.0)}, "--T is 0.0; it can be 0.01 or more"),
    ("13_temperature", {"T": (math.nan,)}, "--T is nan; it can be 0.01 or more"),
    ("13_temperature", {"T": ()}, "--T needs at least one number, 0.01 or more"),
    ("15_next_word", {"T": (math.inf,)}, "--T is inf; it can be 0 or more"),
    ("17_few_shot", {"kept_back": (3, 10)}, "--kept-back is 10; it can be from 0 to 9"),
    ("17_few_shot", {"kept_back": tuple(range(10))}, "--kept-back names all ten shifts"),
    ("19_tokens_and_size", {"shares": (0.9,)}, "--shares is 0.9; it can be from 0.01 to 0.8"),
    ("19_tokens_and_size", {"widths": (8, 30)}, "--widths: give multiples of 4"),
    ("20_ask_a_human", {"share": 1.5}, "--share is 1.5; it can be from 0 to 1"),
    ("22_robust", {"sizes": (8501,)}, "--sizes is 8501; it can be from 100 to 8,500"),
    ("04_backprop", {"layers": (2,)}, "--layers: a network has inputs and at least one layer"),
    ("04_backprop", {"layers": (2, 0, 1)}, "--layers: a network has inputs and at least one layer"),
    ("04_backprop", {"inputs": (1.0,)}, "--inputs: a network 2-2-1 needs 2 of them, not 1"),
    ("04_backprop", {"target": (1.0, 0.0)}, "--target: a network 2-2-1 needs 1 of them, not 2"),
    ("07_attention", {"sentence": "Was the seagull flooded?"}, "the made sentences do not have seagull"),
    ("14_inside_a_block", {"changed": "river"}, "--changed river: the tokens are Was the bank"),
    ("25_change_a_thought", {"strengths": ()}, "--strengths needs at least one number, from -10 to 10"),
    ("15_next_word", {"ask": ("The moon",)}, '--ask "The moon": it knows only the words of its corpus'),
]


@pytest.mark.parametrize(("name", "settings", "sentence"), REFUSED)
def test_settings_that_a_program_cannot_run_with_are_refused_in_a_sentence(name, settings, sentence, tmp_path):
    with pytest.raises(DataError, match=f"^{sentence}"):
        output_of(load(name), out=tmp_path, **settings)
