"""A folder with a GPT-2 in Hugging Face's format."""

from __future__ import annotations

from pathlib import Path

from helpers.program import DataError
from transformer import GPT, BPETokenizer

END = "<|endoftext|>"


def has_model(folder: Path) -> bool:
    """Whether there is a whole model; model.safetensors is written last."""
    return (folder / "model.safetensors").is_file()


def load(folder: Path) -> tuple[GPT, BPETokenizer]:
    """Return the model and its tokenizer. Raises DataError if the folder is missing, or holds something else."""
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder} with a GPT-2 in it; --help says how to fetch one")
    try:
        tokenizer = BPETokenizer.from_files(folder)
        model = GPT.from_pretrained(folder)
    except (FileNotFoundError, ValueError) as error:
        raise DataError(str(error)) from error
    if tokenizer.vocab_size > model.config.vocab_size:
        raise DataError(
            f"in {folder} the tokenizer has {tokenizer.vocab_size:,} tokens and the model {model.config.vocab_size:,}: "
            "they do not belong together"
        )
    return model, tokenizer
