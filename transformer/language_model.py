"""Language models: a prompt, and the loop that appends the next token and goes on.

for token in model.generate(prompt): ...            # ids, as they are drawn
for piece in model.chat(messages): ...              # text
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import tee
from typing import Any, Unpack

import numpy as np

import nn
from nn.errors import explained
from nn.utils.rnn import pad_sequence
from tinygrad_lecture import Tensor
from tinygrad_lecture import random as rng
from tinygrad_lecture.backend import Array, to_host

from .beam_search import beam_search
from .cache import Cache, Texts
from .config import TransformerConfig
from .generation import Settings, adjusted, checked_settings, choose
from .inputs import as_tokens, check_vocabulary
from .tokenizer.pretrained import Messages, PretrainedTokenizer

Prompt = Sequence[int] | Array | Tensor


class LanguageModel(nn.Module):
    """A model that predicts the next token of a text, and so generates texts: the base of `GPT`.

    - `begun`: how many tokens of a prompt belong to the text that is generated, for its length in a beam search.
    """

    config: TransformerConfig
    begun: int = 0

    def next_logits(self, tokens: Tensor, padding_mask: Tensor | None = None, cache: Cache | None = None) -> Tensor:
        """Logits of the token after the last: (..., tokens) -> (..., vocab_size).

        Raises NotImplementedError unless a class defines it.
        """
        raise NotImplementedError

    @property
    def context(self) -> int:
        """The most tokens the model can attend to."""
        return self.config.longest

    @property
    def vocab_size(self) -> int:
        """How many tokens the vocabulary has."""
        return self.config.vocab_size

    def new_cache(self) -> Cache:
        """An empty key/value cache."""
        return Cache(self.config.layers)

    @explained
    def generate(self, prompt: Prompt, **settings: Unpack[Settings]) -> Iterator[int]:
        """Yields the tokens that follow a prompt, one by one.

        - `prompt`: at least one token, such as one that starts a text; a list, array or Tensor of shape (tokens,).
        - `max_new_tokens`: the most tokens to yield, by default 100.
        - `temperature` (1), `top_k`, `top_p`, `min_p` (None): see `probabilities`; temperature 0 is greedy.
        - `repetition_penalty` (1): by what logits of tokens that prompt or text have are divided (below 0 multiplied).
        - `stop`: a token or a text, or several, any of which ends what is generated. It is not yielded, nor anything
          after it. A text may lie across tokens or inside one: see `Tokenizer.until`. The token of a special token is
          `model.tokenizer.special_tokens["<|im_end|>"]`. By default T5 and BART stop at their config's, a GPT and a
          Llama at none (in `chat` where the message ends).
        - `forced_eos`: the last of max_new_tokens, if the text comes so far; by default BART's config's, else None.
        - `num_beams` (1): above 1 the text is not drawn, but found by `beam_search`, with `length_penalty` (1): above 0
          the larger it is the longer the text. Then all tokens come at once, at the end of the search.
        - `seed`: for a random stream of its own; None uses the one that `tl.manual_seed` seeds.
        - `cached`: use a key/value cache, as by default. Without it the tokens are the same, but slower.

        Beyond the context the model sees the last `context` tokens.
        Raises at once: ValueError for invalid settings, settings of draws beside `num_beams`, a text in `stop` without
        a tokenizer, or an empty prompt, TypeError for an unknown setting or one of a wrong type, IndexError for a
        token, in the prompt or in settings, outside the vocabulary.
        """
        return self._continued([prompt], settings)[0]

    def generate_batch(self, prompts: Iterable[Prompt], **settings: Unpack[Settings]) -> list[list[int]]:
        """The tokens that follow each of several prompts, of any lengths, generated in parallel.

        Settings and errors: see `generate`.
        """
        return [list(text) for text in self._continued(prompts, settings)]

    def chat(self, messages: Messages, **settings: Unpack[Settings]) -> Iterator[str]:
        """Yields the answer to a chat, as pieces of text.

        - `messages`: a list such as [{"role": "user", "content": "Hi!"}]; other roles are "system" and "assistant".

        Settings as of `generate`; max_new_tokens is 500 by default, and the answer also ends where the tokenizer says
        that a message ends. A chat that leaves too little room in the context for max_new_tokens, or for half a context
        if that is less, loses its oldest questions and answers; a system message at the front stays.
        Raises at once: ValueError for a model without a tokenizer that has a chat template, for a last message longer
        than the context, and as `PretrainedTokenizer.format_chat` does; else as `generate` does.
        """
        tokenizer = getattr(self, "tokenizer", None)
        if not isinstance(tokenizer, PretrainedTokenizer):
            raise ValueError('chat: the model has no tokenizer for chats, as Llama.from_pretrained("smollm2") has')
        settings = {"max_new_tokens": 500, **settings}
        checked = checked_settings(settings, self.vocab_size)
        settings["stop"] = [*checked["stop"], *tokenizer.ends]  # type: ignore[misc] # a list by now
        room = self.context - min(checked["max_new_tokens"], self.context // 2)
        prompt = tokenizer.encode_chat(messages, room)
        if len(prompt) >= self.context:
            raise ValueError(f"chat: the last message takes {len(prompt)} tokens, and the context is {self.context}")
        return tokenizer.stream(self.generate(prompt, **settings), skip_special_tokens=True)

    def _continued(self, prompts: Iterable[Prompt], given: Settings) -> list[Iterator[int]]:
        """The tokens that follow each prompt. Raises as `generate` does, before the first is asked for."""
        settings = checked_settings(given, self.vocab_size)
        tokens, mask = pad_prompts(prompts)
        check_vocabulary(tokens, self.vocab_size)
        given_stops: Any = settings["stop"]  # a list by now
        strings = [each for each in given_stops if isinstance(each, str)]
        stop = [each for each in given_stops if not isinstance(each, str)]
        tokenizer: Any = getattr(self, "tokenizer", None) if strings else None
        if strings and tokenizer is None:
            raise ValueError("stop: texts need a tokenizer, and the model has none; set model.tokenizer, or give ids")
        beams = settings["num_beams"]
        tokens, mask = tokens.repeat(beams, 0), mask.repeat(beams, 0)  # (batch * beams, tokens) each
        texts = Texts(self, tokens, mask, settings["cached"])

        def has_string(text: list[int]) -> bool:
            return any(string in tokenizer.decode(text) for string in strings)

        columns: Iterator[Any] = (
            draws(texts, settings, stop) if beams == 1 else beam_search(texts, settings, stop, has_string, self.begun)
        )
        rows = [row_of(copy, i) for i, copy in enumerate(tee(columns, len(tokens) // beams))]
        return [tokenizer.until(row, strings) for row in rows] if strings else rows


def draws(texts: Texts, settings: Settings, stop: list[int]) -> Iterator[Array]:
    """Yields the next token of each text, (batch,), with -1 for texts that have stopped; ends when all have."""
    random = rng.generator(settings["seed"])
    running = np.ones(len(texts.tokens), np.bool_)
    most = settings["max_new_tokens"]
    for n in range(1, most + 1):
        logits = adjusted(texts.next_logits(), texts.tokens, texts.mask, settings, n == most)  # (batch, vocab_size)
        chosen = choose(logits, settings, random)  # (batch,)
        for token in stop:
            running &= chosen != token
        if not running.any():
            return
        yield np.where(running, chosen, -1)
        texts.append(chosen, running)


def row_of(columns: Iterable[Any], row: int) -> Iterator[int]:
    """The tokens of one row, until it has stopped."""
    for column in columns:
        if column[row] < 0:
            return
        yield int(column[row])


def pad_prompts(prompts: Iterable[Prompt]) -> tuple[Array, Array]:
    """Prompts of any lengths as tokens and padding mask, (batch, tokens) each, padded on the left with 0.

    Raises ValueError for no prompts or an empty one, TypeError for anything but integers.
    """
    rows = [_row(prompt) for prompt in prompts]
    if not rows:
        raise ValueError("generate_batch: there are no prompts")
    real = [np.ones(row.size, np.bool_) for row in rows]
    tokens, mask = (pad_sequence(each, True, padding_side="left").numpy() for each in (rows, real))
    return tokens, mask


def _row(prompt: Any) -> Array:
    row = to_host(as_tokens(prompt).array).astype(np.int64)
    if row.ndim != 1:
        raise ValueError(f"prompt: must be one row of tokens, got shape {row.shape}; generate_batch takes several")
    return row
