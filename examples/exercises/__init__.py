"""The gradient-check exercises: from a neuron to your own GPT. Start with `python -m examples.exercises`."""

import tomllib
from pathlib import Path

_WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
COMMANDS, TEXTS = _WORDS["commands"], _WORDS["texts"]
