"""A GPT with its tokenizer, saved in a folder and loaded from it. Used by 08_gpt.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nn
from helpers.program import DataError
from tinygrad_lecture.files import atomic_write
from transformer import GPT, GPTConfig, Tokenizer

MODEL, TOKENIZER, WEIGHTS = "model.json", "tokenizer.json", "best.safetensors"


@dataclass
class Writer:
    """A model, its tokenizer, and whether each of its texts is a line."""

    model: GPT
    tokenizer: Tokenizer
    lines: bool = False

    def encode(self, prompt: str) -> list[int]:
        """Return the tokens of a prompt. Raises DataError for characters that the tokenizer does not know."""
        try:
            return self.tokenizer.encode(("\n" if self.lines else "") + prompt) or [self._start]
        except ValueError as error:
            raise DataError(f"the model cannot read this prompt: {error}; give another with --prompt") from error

    @property
    def _start(self) -> int:
        """The token that stands for an empty prompt: the newline or, if the text had none, token 0."""
        try:
            return self.tokenizer.encode("\n")[0]
        except ValueError:
            return 0

    def write(self, prompt: str, tokens: int, **settings: Any) -> Iterator[str]:
        """Yield the continuation of a prompt piece by piece; the settings are those of GPT.generate."""
        stop = self.tokenizer.encode("\n") if self.lines else None
        ids = self.model.generate(self.encode(prompt), max_new_tokens=tokens, stop=stop, **settings)
        return self.tokenizer.stream(ids)

    # --- files ------------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write the tokenizer and the sizes; the Trainer saves the weights."""
        self.tokenizer.save(folder / TOKENIZER)
        with atomic_write(folder / MODEL) as beside:
            described = {"lines": self.lines, "config": asdict(self.model.config)}
            beside.write_text(json.dumps(described, indent=2), encoding="utf-8")


def load(folder: Path) -> Writer:
    """Load a writer from its folder. Raises DataError if files are missing or are not a model of this program."""
    described = _read_description(folder)
    try:
        model = GPT(GPTConfig(**described["config"]))
        model.load_state_dict(nn.weights.load_file(folder / WEIGHTS))
        return Writer(model.eval(), Tokenizer.load(folder / TOKENIZER), bool(described["lines"]))
    except FileNotFoundError as error:
        raise DataError(f"{folder} holds no trained model: {error}") from error
    except (ValueError, TypeError) as error:
        raise DataError(f"{folder} holds no model of this program: {error}") from error


def _read_description(folder: Path) -> dict[str, Any]:
    try:
        described: dict[str, Any] = json.loads((folder / MODEL).read_text(encoding="utf-8"))
        described["config"], described["lines"]
    except OSError as error:
        raise DataError(f"{folder / MODEL} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / MODEL} is not what this program writes: {error}") from error
    return described
