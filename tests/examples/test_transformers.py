"""Transformers and models that answer: 08 to 10, 12, 16 to 19 and 26."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from helpers.program import DataError
from programs import contents, load, output_of
from show import architectures, arithmetic as sums
from show.arithmetic import TOKENIZER, Notation, answers, deal
from show.expressions import LARGEST, encode, four_operations, parse, small_expressions
from show.gpt2 import load as load_folder
from show.names import load_names
from show.tokens_and_size import byte_pairs, characters, numbers, special
from transformer import GPT, BPETokenizer, GPTConfig
from transformer.training import IGNORED

# --- 08 gpt -----------------------------------------------------------------------------------------------------------

p08 = load("08_gpt")

TEXT = "the cat sat on the mat. the dog sat on the log.\n" * 30
SMALL = {"layers": 1, "heads": 2, "width": 16, "context": 8, "steps": 60, "batch_size": 8, "lr": 0.01, "tokens": 20,
         "prompt": "the "}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpt")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    return folder


def run(folder, out="out", **settings):
    (folder / out).mkdir(exist_ok=True)
    return output_of(p08, **{**SMALL, "text": str(folder / "text.txt"), "out": folder / out, **settings})


@pytest.fixture(scope="module")
def text_08(folder):
    return run(folder)


def written(text):
    return text[text.index("One prediction") : text.index("Picture ")]


def test_a_kept_run_is_not_overwritten_unless_told(folder, text_08):
    with pytest.raises(ValueError, match="holds a run: --resume continues it, --again replaces it"):
        run(folder)


def test_a_finished_run_that_is_resumed_writes_the_same(folder, text_08):
    assert written(run(folder, resume=True)) == written(text_08)


def test_a_run_with_other_settings_is_not_resumed(folder, text_08):
    before = contents(folder / "out")
    with pytest.raises(ValueError, match="lr"):
        run(folder, resume=True, lr=0.02)
    assert contents(folder / "out") == before


def test_a_prompt_that_the_text_cannot_spell_is_refused_before_the_training(folder):
    with pytest.raises(ValueError, match="cannot read this prompt"):
        run(folder, prompt="§", out="other")
    assert not (folder / "other" / "last.safetensors").exists()


# --- 09 architectures -------------------------------------------------------------------------------------------------


def test_hidden_words_are_the_targets_and_start_and_padding_are_not_hidden():
    made = architectures.make(50, seed=0, test=10)
    inputs, targets, there = made.hide(made.learn, seed=0)
    asked = targets != -100
    assert (targets[asked] == made.learn[asked]).all()
    assert (inputs[~asked] == made.learn[~asked]).all()
    assert not asked[:, 0].any()
    assert not (asked & ~there).any()


# --- 10 gpt2 ----------------------------------------------------------------------------------------------------------

p10 = load("10_gpt2")


def test_it_trains_a_small_model_once_and_keeps_it(run_once):
    text, _, _, out = run_once("10_gpt2", "--steps", "4", "--tokens", "5")
    assert "a small one is trained" in text
    again = output_of(p10, out=out, steps=4, tokens=5)
    assert "a small one is trained" not in again
    assert "an earlier run trained and kept in" in again
    assert text[text.index("The prompt as") :].startswith(again[again.index("The prompt as") :])
    assert sum(path.stat().st_size for path in (out / "model").iterdir()) < 2_000_000


def test_a_folder_of_ones_own_is_read(tmp_path):
    tokenizer = BPETokenizer.train("the weather today is fine. " * 20, 270)
    model = GPT(GPTConfig(vocab_size=tokenizer.vocab_size, context=32, layers=1, heads=2, width=8))
    model.save_pretrained(tmp_path)
    tokenizer.to_files(tmp_path)
    assert load_folder(tmp_path)[0].config == model.config
    model = GPT(GPTConfig(vocab_size=100, context=32, layers=1, heads=2, width=8))
    model.save_pretrained(tmp_path)
    tokenizer.to_files(tmp_path)
    with pytest.raises(DataError, match="do not belong together"):
        load_folder(tmp_path)
    with pytest.raises(DataError, match="there is no folder"):
        load_folder(tmp_path / "none")


# --- 16 order and memory ----------------------------------------------------------------------------------------------


# --- 12 arithmetic ----------------------------------------------------------------------------------------------------

p12 = load("12_arithmetic")
NOTATIONS = [Notation(2, "+", True), Notation(2, "-", False), Notation(1, "-", True)]


class Student:
    """In place of a model: answers each question with what `say` makes of its two numbers."""

    def __init__(self, notation, say):
        self.notation, self.say = notation, say

    def generate_batch(self, prompts, **settings):
        texts = [TOKENIZER.decode(prompt).rstrip("=") for prompt in prompts]
        pairs = [(int(t[: self.notation.places]), int(t[self.notation.places + 1 :])) for t in texts]
        return [TOKENIZER.encode(self.notation.turned(str(self.say(a, b)))) for a, b in pairs]


# --- a run --------------------------------------------------------------------------------------------------


# --- problems -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("notation", NOTATIONS)
def test_only_the_answer_is_a_target(notation):
    pairs = deal(notation, 5, seed=0)[0][:20]
    tokens, targets = sums.encode(notation, pairs)
    for (a, b), row in zip(pairs.tolist(), targets, strict=True):
        assert TOKENIZER.decode(row[row != IGNORED].tolist()) == notation.answer(a, b)
    assert (tokens[:, 1:][targets[:, :-1] != IGNORED] == targets[:, :-1][targets[:, :-1] != IGNORED]).all()


# --- judging ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("notation", NOTATIONS)
def test_who_knows_the_rule_is_right_also_for_larger_numbers(notation):
    knows = Student(notation, (lambda a, b: a + b) if notation.operation == "+" else (lambda a, b: a - b))
    for pairs in (deal(notation, 10, 0)[1], *p12.larger(notation, 0).values()):
        exam = sums.examine(knows, notation, pairs)
        assert exam.right == 1
        assert set(exam.digits) == {1}
        assert answers(knows, notation, pairs) == exam.true.tolist()


def test_consistent_is_not_yet_right():
    notation, pairs = NOTATIONS[0], np.array([[2, 3], [9, 8]])
    one_more = Student(notation, lambda a, b: a + b + (a + b == 5))  # 2 + 3 = 3 + 2 = 6
    there, mirrored = (sums.examine(one_more, notation, some) for some in (pairs, pairs[:, ::-1]))
    assert sums.consistency(there, mirrored) == (1.0, 1)


@pytest.mark.parametrize(
    ("said", "true", "kind"),
    [("126", "125", "off by one"), ("115", "125", "a carry (off by 10, 100, ...)"), ("77", "125", "other"),
     ("", "125", "no number"), ("25", "125", "a carry (off by 10, 100, ...)")],
)  # fmt: skip
def test_mistakes_are_sorted(said, true, kind):
    assert sums.kind_of(said, true) == kind


@pytest.mark.parametrize(("operation", "say", "found"), [
    ("+", lambda a, b: a % 100 + b % 100, (900, 900)),
    ("+", lambda a, b: 5000, (900, 0)),
    ("+", lambda a, b: a + b, (0, 0)),
    ("-", lambda a, b: a % 100 - b % 100, (862, 862)),
])  # fmt: skip
def test_answers_to_larger_numbers_are_sorted_by_whether_they_ignore_the_extra_digit(operation, say, found):
    notation = Notation(2, operation, True)
    exams = [sums.examine(Student(notation, say), notation, pairs) for pairs in p12.larger(notation, 0).values()]
    assert (*sums.extra_digit(exams).values(),) == found


# --- 17 few shot ------------------------------------------------------------------------------------------------------


# --- 18 expressions ---------------------------------------------------------------------------------------------------

p18 = load("18_expressions")


def value(text):
    return eval(text.replace("x", "*").replace("/", "//"))


def test_results_and_steps_are_pythons():
    two, three = small_expressions()
    assert len(two) == 3 * (LARGEST + 1) ** 2
    assert len({e.text for e in three}) == 3 * 8 * (LARGEST + 1) ** 3
    assert all(e.result == value(e.text) for e in two)
    assert all(e.result == value(e.text) == value(e.step) for e in three)
    for expressions in four_operations().values():
        assert all(e.result == value(e.text) for e in expressions)


def test_the_lectures_examples():
    assert [parse(text).result for text in ("1 + 1", "5 - 3", "12 × 7", "100 ÷ 4")] == [2, 2, 84, 25]
    parentheses, none = parse("(2 + 3) × 4"), parse("2 + 3 * 4")
    assert (parentheses.answer(True), none.answer(True)) == ("5x4=20.", "2+12=14.")
    assert (parentheses.needs_order, none.needs_order) == (False, True)
    with pytest.raises(DataError, match=r"it knows expressions of three numbers up to 6"):
        parse("2+3x4x5")


def test_only_what_follows_the_first_equals_sign_counts():
    tokens, targets = encode([parse("2+3x4"), parse("1+1")], steps_written=True)
    decode = p18.show.TOKENIZER.decode
    assert [decode([t for t in row if t >= 0]) for row in targets.tolist()] == ["2+12=14.", "2."]
    assert decode(tokens[1].tolist()).startswith("1+1=2.")


# --- 19 tokens and size -----------------------------------------------------------------------------------------------

p19 = load("19_tokens_and_size")
PAIRS = np.stack(np.divmod(np.arange(2500), 50), axis=1)
CUTS = {"characters": characters(), "numbers": numbers(100), "special": special(100), "pairs": byte_pairs(PAIRS)}


@pytest.mark.parametrize("name", CUTS)
def test_every_sum_comes_back_from_its_tokens(name):
    cut = CUTS[name]
    assert all(cut.decode(cut.encode(str(a))) == str(a) for a in range(100))
    tokens, targets = p19.encode(cut, PAIRS)
    answers = [cut.decode([t for t in row if t >= 0]) for row in targets.tolist()]
    assert answers == [str(a + b) for a, b in PAIRS.tolist()]
    assert tokens.max() < len(cut.pieces)


# --- 26 names ---------------------------------------------------------------------------------------------------------

p26 = load("26_names")


def test_the_names_are_4000_different_ones_that_fit_the_context():
    names = load_names(seed=0)
    assert len(names) == len({*names}) == 4000
    assert {*"".join(names)} == {*p26.TOKENIZER.characters} - {p26.END}
    assert max(map(len, names)) < p26.MICROGPT.context
    assert list(load_names(seed=1)) != list(names)


def test_the_model_has_the_parameters_of_microgpt_and_its_rate_falls_to_0():
    learner = p26.Learner(["mary", "ann"], steps=4)
    assert sum(p.numel() for p in learner.parameters) == 4192
    before, rates = learner.loss(["mary", "ann"]).item(), []
    for _ in range(4):
        rates.append(learner.optimizer.param_groups[0]["lr"])
        learner.step()
    assert [*rates, learner.optimizer.param_groups[0]["lr"]] == pytest.approx([0.01, 0.0075, 0.005, 0.0025, 0])
    assert learner.loss(["mary", "ann"]).item() < before
    assert all(parameter.grad is not None for parameter in learner.parameters)
    learner.step()
    with tl.no_grad():
        assert learner.losses[-1] == pytest.approx(learner.loss(["mary"]).item())  # the fifth step changed nothing


def test_what_was_learnt_by_heart_is_written_and_said_to_come_next():
    learner = p26.Learner(["ab"], steps=100)
    for _ in range(100):
        learner.step()
    assert learner.write(3, temperature=0.1) == ["ab"] * 3
    found = learner.next_letters("a")
    assert list(found) == p26.TOKENIZER.characters
    assert max(found, key=found.get) == "b"
    assert sum(found.values()) == pytest.approx(1)


def test_what_is_no_letter_is_refused_before_the_training(tmp_path):
    with pytest.raises(ValueError, match="is not in the vocabulary of 27 characters"):
        output_of(p26, begin="Mar", out=tmp_path)
