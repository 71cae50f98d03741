"""For 10_gpt2.py: a folder with a GPT-2 in Hugging Face's format, and what is printed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from helpers.inside import print_as_written
from helpers.program import DataError
from transformer import GPT, BPETokenizer, GPTConfig
from transformer.inspect.attention_maps import visible

END = "<|endoftext|>"


def has_model(folder: Path) -> bool:
    """Whether there is a whole model; model.safetensors is written last."""
    return (folder / "model.safetensors").is_file()


def load(folder: Path) -> tuple[GPT, BPETokenizer]:
    """Return the model and its tokenizer. Raises ValueError or OSError if the folder holds something else."""
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder} with a GPT-2 in it; --help says how to fetch one")
    tokenizer, model = BPETokenizer.from_files(folder), GPT.from_pretrained(folder)
    if tokenizer.vocab_size > model.config.vocab_size:
        sizes = f"the tokenizer has {tokenizer.vocab_size:,} tokens and the model {model.config.vocab_size:,}"
        raise DataError(f"in {folder} {sizes}: they do not belong together")
    return model, tokenizer


# --- what is printed --------------------------------------------------------------------------------------------------


# GPT-3's training: 300 billion tokens (Brown et al., arXiv:2005.14165). A V100 does 28e12 operations a second with
# 16-bit numbers and cost 1.50 dollars an hour: the estimate of Lambda Labs, from which the lecture's figure comes.
GPT3_TOKENS, V100, DOLLARS_AN_HOUR = 300e9, 28e12, 1.5
FETCH = "OpenAI's GPT-2 knows more: --help says how to fetch it, and --folder takes it."


def progress(step: int, loss: float) -> None:
    """Print the loss and the perplexity, the number of equally likely pieces that would be as uncertain."""
    print(f"  step {step:4}: loss {loss:.3f}, perplexity exp(loss) {math.exp(loss):.1f}", flush=True)


def trained(folder: Path) -> None:
    """Say whether the small model is kept, and what it knows."""
    if not has_model(folder):
        print("This half-trained model is used now, and not kept: the next run trains it anew.")
    print(f"It knows little but these sentences. {FETCH}")


def origin(folder: Path, ours: bool) -> None:
    """Say which model was read."""
    if ours:
        print(f"The small model that an earlier run trained and kept in {folder} is used. Remove this folder")
        print("to train it anew, with other --steps or another --seed.")
        print(FETCH)
    else:
        print(f"The model in {folder}:")


def sizes(model: GPT) -> None:
    """Print this model's weights part by part, and beside it the sizes of GPT-2 and GPT-3."""
    config = model.config
    print(f"\n{config.layers} blocks of {config.heads} heads, {config.width} wide, {config.vocab_size:,} tokens:")
    for part, count in config.parameters_by_part().items():
        if count:
            print(f"  {part:10} {count:15,}")
    counted = sum(p.numel() for p in model.parameters())
    print(f"  {'together':10} {config.parameter_count():15,}, and counted {counted:,}")
    print("\n  the same build, larger   blocks   heads    width        parameters")
    family = {f"GPT-2 {size}": GPTConfig.gpt2(size) for size in ("small", "medium", "large", "xl")}
    for name, c in {**family, "GPT-3": GPTConfig.gpt3()}.items():
        print(f"  {name:24} {c.layers:6} {c.heads:7} {c.width:8,} {c.parameter_count():17,}")


def pieces(model: GPT, tokenizer: BPETokenizer, ids: Sequence[int]) -> None:
    """Print the prompt as pieces. Raises DataError for a prompt that is empty or too long."""
    if not ids:
        raise DataError("the prompt is empty; GPT-2 continues a text, so give it a word")
    if len(ids) > model.context:
        raise DataError(f"the prompt has {len(ids):,} tokens, and the model looks at {model.context:,} at most")
    print(f"\nThe prompt as {len(ids)} tokens: " + " / ".join(visible(tokenizer.decode([token])) for token in ids))
    print(f"  their ids: {', '.join(map(str, ids))}")


def writing(prompt: str, temperature: float, text: Iterable[str]) -> str:
    """Print the text as it is written, and return it."""
    print(f"\nIt continues, at temperature {temperature:g}:\n\n  ", end="")
    return print_as_written(prompt, text)


def cost() -> None:
    """Print what training GPT-3 takes, from its weights and tokens."""
    weights = GPTConfig.gpt3().weight_count()
    operations = 6 * weights * GPT3_TOKENS
    years = operations / V100 / 3600 / 24 / 365
    dollars = operations / V100 / 3600 * DOLLARS_AN_HOUR
    every = GPTConfig.gpt3().parameter_count()
    print("\nThe cost of training: 6 operations for each weight and each token (2 forward, 4 backward).")
    print(f"  The weights of GPT-3 are its matrices: {weights:,}. With its biases, norms and positions it has the")
    print(f"  {every:,} parameters of the table above.")
    print(f"  GPT-3: 6 x {weights:,} weights x {GPT3_TOKENS / 1e9:.0f} billion tokens = {operations:.2e} operations")
    print(f"  on one V100, 28e12 a second: {years:.0f} years; at $1.50 an hour ${dollars / 1e6:.1f} million")
