"""Real models, for the programs' --real: SmolLM2, a language model, and MiniLM, which turns sentences into vectors.

    model = smollm2()
    chances(model, ["The capital of France is"])                 # (1, vocab_size): P of each next token
    continued(model, ["The weather today is"] * 20, 12, T=1.0)   # twenty continuations of at most 12 tokens
    answers(model, ["What is 12 + 30?"], 20)                     # what it answers in a chat
    numbers_said(model, ["12 + 30 ="], 4)                        # the number that it goes on with

SmolLM2-135M-Instruct: 30 blocks, trained on 2 trillion tokens (Allal et al., arXiv:2502.02737). all-MiniLM-L6-v2: a
BERT of 6 blocks, trained to give sentences that belong together near vectors (Wang et al., arXiv:2002.10957).
"""

import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from helpers.program import INSTALL, data, in_pairs
from transformer import Bert, Llama, probabilities
from transformer.generation import pad_prompts

DATA = data("real.toml")
DATA["capitals"] = in_pairs(DATA["capitals"])


def smollm2(questions: str = "") -> Llama:
    """SmolLM2, a Llama of 135 million weights; says what it is asked. Raises as `installed` does."""
    model: Llama = installed(Llama, "smollm2")
    if questions:
        print(f"SmolLM2, a real language model of 135 million weights, is asked {questions}.", flush=True)
    return model


def minilm() -> Bert:
    """MiniLM, a BERT of 23 million weights. Raises as `installed` does."""
    return installed(Bert, "minilm")


def installed(family: type, name: str) -> Any:
    """A model of a package. Raises ImportError with all that pip has to install, if something is missing."""
    try:
        for module in ("gguf", "jinja2", "tokenizers"):  # at once, and not in the middle of a chat
            import_module(module)
        return family.from_pretrained(name)
    except ImportError as error:
        what = str(error).partition(": ")[0]
        raise ImportError(f"{what}; all that the real models need: {INSTALL}") from error


def chances(model: Llama, texts: Sequence[str]) -> np.ndarray:
    """The probability of each token to follow each text: (texts, vocab_size)."""
    tokens, mask = pad_prompts([model.tokenizer.encode(text, "all") for text in texts])
    with tl.no_grad():
        return probabilities(model.next_logits(tokens, mask)).numpy()


def first_token(model: Llama, word: str) -> int:
    """The token that a word begins with, after a space."""
    return model.tokenizer.encode(f" {word}")[0]


def likeliest(model: Llama, p: np.ndarray, n: int = 5) -> list[tuple[str, float]]:
    """The n likeliest tokens as texts, with their probabilities. p: (vocab_size,)."""
    n = min(n, len(p))
    among = np.flatnonzero(p >= np.partition(p, -n)[-n])  # they, and what is as likely as the last: fast to find
    best = among[np.argsort(-p[among], kind="stable")[:n]]
    return [(model.tokenizer.decode([int(i)]), float(p[i])) for i in best]


def listed(found: Sequence[tuple[str, float]]) -> str:
    """As "Rome 0.38, the 0.14", with a sign for a space or a line end that stands alone."""
    signs = {"": "·", "\n": "↵"}
    return ", ".join(f"{signs.get(text.strip(' '), text.strip(' '))} {p:.2f}" for text, p in found)


def continued(model: Llama, texts: Sequence[str], tokens: int, T: float = 0, seed: int = 0) -> list[str]:
    """How the model continues each text: with the likeliest tokens at temperature 0, else drawn."""
    prompts = [model.tokenizer.encode(text, "all") for text in texts]
    said = model.generate_batch(prompts, max_new_tokens=tokens, temperature=T, seed=seed, stop=model.tokenizer.ends)
    return [model.tokenizer.decode(answer, skip_special_tokens=True) for answer in said]


def numbers_said(model: Llama, texts: Sequence[str], tokens: int, T: float = 0) -> list[str]:
    """The number with which the model continues each text; "" where it goes on with something else."""
    found = [re.match(r"\s*(\d[\d,]*)", said) for said in continued(model, texts, tokens, T)]
    return [match[1].replace(",", "") if match else "" for match in found]


def chat(model: Llama, question: str, begun: str = "") -> str:
    """The text of a chat up to where the answer begins, and how it begins, if that is given."""
    return model.tokenizer.format_chat([{"role": "user", "content": question}]) + begun


def answers(model: Llama, questions: Sequence[str], tokens: int, T: float = 0, seed: int = 0) -> list[str]:
    """What the model answers to each question, asked in a chat of its own."""
    return continued(model, [chat(model, question) for question in questions], tokens, T, seed)


def loss_on(model: Llama, text: str) -> float:
    """The cross-entropy of the next token, on the first 96 tokens of a text."""
    tokens = np.array(model.tokenizer.encode(text)[:97])
    with tl.no_grad():
        return model.loss(tokens[:-1], tokens[1:]).item()


def in_tens(numbers: Any) -> list[float]:
    """The means of ten groups, of numbers (10 * n,)."""
    return [float(group.mean()) for group in np.split(np.asarray(numbers), 10)]


def largest(values: np.ndarray, n: int) -> list[tuple[int, ...]]:
    """Where the n largest numbers of an array are, the largest first."""
    places = np.unravel_index(np.argsort(-values, axis=None)[:n], values.shape)
    return list(zip(*places, strict=True))
