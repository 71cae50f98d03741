"""A chat with a real language model, which one may ask why it said what it said.

    python examples/23_chat.py                             # needs SmolLM2; the program says how to install it
    echo "What is the capital of Germany?" | python examples/23_chat.py --temperature 0
    python examples/23_chat.py --page                      # type a text on a page, and watch the model read it

    /why                 the last word: what else was likely, and which parts of the model wanted it
    /attention           what the heads looked at for it
    /why Berlin          the same for another word of the answer; /attention Berlin too
    /help  /quit         Ctrl-C ends an answer, or clears a line

Blocks and heads count from 0, as in the code. In all tables "·" is a space.

A chat is one text, which the model reads anew for each answer and continues, token by token. It learns nothing from it.

    <|im_start|>user
    What is the capital of Germany?<|im_end|>
    <|im_start|>assistant
    The capital of Germany is Berlin.<|im_end|>
"""

from helpers.program import Common, start, until_ctrl_c
from helpers.real import smollm2
from show import chat as show

from collections.abc import Iterator
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from transformer import Llama, probabilities

COMMANDS = __doc__.split("\n\n")[2]


class Chat:
    """A conversation with a model, and what stands behind its last answer."""

    def __init__(self, model: Llama, temperature: float, top_p: float, tokens: int) -> None:
        self.model, self.tokenizer = model, model.tokenizer
        self.temperature, self.top_p, self.most = temperature, top_p, tokens
        self.messages: list[dict[str, str]] = []
        self.prompt: list[int] = []  # its tokens: those that it was told, and those that were drawn
        self.drawn: list[int] = []
        self.generate, model.generate = model.generate, self.kept  # by which `model.chat` draws

    def kept(self, prompt: list[int], **settings: Any) -> Iterator[int]:
        """Generate, and keep the tokens of prompt and answer as they are: the text alone may be cut in other ways."""
        self.prompt, self.drawn = prompt, []
        for token in self.generate(prompt, **settings):
            self.drawn.append(token)
            yield token

    def answer(self, question: str) -> Iterator[str]:
        """Yield the pieces of the answer as they are drawn. Ctrl-C ends it; what was said until then stays."""
        asked = [*self.messages, {"role": "user", "content": question}]
        drawing = {"temperature": self.temperature, "top_p": self.top_p}
        pieces = self.model.chat(asked, max_new_tokens=self.most, **drawing)
        self.messages = [*asked, {"role": "assistant", "content": ""}]
        for piece in until_ctrl_c(pieces, silent=True):
            self.messages[-1]["content"] += piece
            yield piece

    def read_until(self, place: int) -> list[int]:
        """What the model read before token number `place` of the last answer."""
        return [*self.prompt, *self.drawn[:place]][-self.model.context :]

    def probabilities(self) -> np.ndarray:
        """For each token of the last answer the probabilities from which it was drawn, at temperature 1."""
        read = self.read_until(len(self.drawn) - 1)
        with tl.no_grad():
            vectors = self.model.vectors(read)[-len(self.drawn) :]  # the vector before each token of the answer
            return probabilities(self.model.unembedding(vectors)).numpy()  # (answer, vocab_size)

    def place(self, word: str) -> int:
        """Where the answer first says a word; its last word, if none is given. Raises ValueError otherwise."""
        if not self.drawn:
            raise ValueError("there is no answer yet; ask something")
        tokens = self.drawn
        texts = [self.tokenizer.decode([token]).strip() for token in tokens]
        if not word:
            found = [i for i, text in enumerate(texts) if text and text[0].isalnum()][-1:]
        else:  # a word may be several tokens
            ends = [(i, j) for i in range(len(tokens)) if texts[i] for j in range(i + 1, min(i + 9, len(tokens) + 1))]
            found = [i for i, j in ends if self.tokenizer.decode(tokens[i:j]).strip() == word]
        if not found:
            raise ValueError(f'the last answer does not say "{word}"; its tokens are {" ".join(texts)}')
        return found[0]


def main(settings: "Settings") -> None:
    """Read a line, answer it or look behind the last answer; until /quit or the end of the input."""
    if settings.page:
        from examples.site import live

        live.serve(smollm2)
        return
    chat = Chat(smollm2(), settings.temperature, settings.top_p, settings.tokens)
    size = f"{chat.model.config.parameter_count():,} weights, {chat.model.config.layers} blocks"
    show.say(f"SmolLM2: {size}. It speaks well and knows little. /help")
    for line in show.lines():
        command, _, value = line.partition(" ")
        try:
            match command:
                case "/quit":
                    break
                case "/why":
                    place = chat.place(value)
                    show.why(chat, chat.probabilities(), place)
                case "/attention":
                    place = chat.place(value)
                    show.attention(chat.model, chat.read_until(place), chat.drawn[place])
                case _ if line.startswith("/"):
                    show.say(COMMANDS)
                case _:
                    show.streaming(chat.answer(line))
        except (ValueError, KeyboardInterrupt) as error:
            show.say(str(error) or "stopped")


class Settings(Common, out="chat"):
    """What can be set on the command line."""

    temperature: float = 0.2  # 0 takes the likeliest word, 1 draws as the model says
    top_p: float = 0.9  # draw from the fewest words that reach this probability
    tokens: int = 200  # in an answer, at most
    page: bool = False  # serve a page on which one types a text, to this computer alone; Ctrl-C ends it


if __name__ == "__main__":
    start(main, Settings)
