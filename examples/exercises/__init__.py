"""The gradient-check exercises: from a neuron to your own GPT. Start with `python -m examples.exercises`."""

import tomllib
from pathlib import Path

COMMANDS, TEXTS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8")).values()
