"""For 10_gpt2.py: a folder with a GPT-2 in Hugging Face's format, and what is printed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tinygrad_lecture as tl
from helpers.inside import draw_inside, print_as_written, print_next
from helpers.program import DataError, Measured, detail, holds, table, until_ctrl_c
from helpers.real import smollm2
from transformer import GPT, BPETokenizer, GPTConfig, probabilities
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


def checked(model: GPT, ids: Sequence[int]) -> Sequence[int]:
    """The tokens of a prompt. Raises DataError if it is empty or too long."""
    if not ids:
        raise DataError("the prompt is empty; GPT-2 continues a text, so give it a word")
    if len(ids) > model.context:
        raise DataError(f"the prompt has {len(ids):,} tokens, and the model looks at {model.context:,} at most")
    return ids


# --- what is printed --------------------------------------------------------------------------------------------------


# GPT-3's training: 300 billion tokens (Brown et al., arXiv:2005.14165). A V100 does 28e12 operations a second with
# 16-bit numbers and cost 1.50 dollars an hour: the estimate of Lambda Labs, from which the lecture's figure comes.
GPT3_TOKENS, V100, DOLLARS_AN_HOUR = 300e9, 28e12, 1.5


def report(m: Measured, settings: Any) -> None:
    """Print what was measured, what the models write, and draw what goes on inside."""
    if settings.folder is None:
        real_first(settings)
    origin(m, settings)
    pieces(m.tokenizer, m.ids)
    print_next(m.tokenizer, m.p, 3)
    drawing = {"temperature": settings.temperature, "top_k": settings.top_k, "seed": settings.seed}
    stop = m.tokenizer.special_tokens.get(END)
    written = m.model.generate(m.ids, max_new_tokens=settings.tokens, stop=stop, **drawing)
    print(f"It continues, at temperature {settings.temperature:g}:\n  ", end="")
    text = print_as_written(settings.prompt, until_ctrl_c(m.tokenizer.stream(written)))
    sizes(m)
    cost(m)
    print("\nPictures:")
    draw_inside(m.model, m.tokenizer, m.tokenizer.encode(text), settings.out)


def real_first(settings: Any) -> None:
    """Where SmolLM2 is installed: what this real model, built like GPT-2, says next, and how it goes on."""
    try:
        model = smollm2()
    except ImportError:
        return
    ids = model.tokenizer.encode(settings.prompt)
    with tl.no_grad():
        p = probabilities(model(ids)[-1]).numpy()
    print("\nFirst a real model, SmolLM2 (135 million weights; --real looks inside it).", end="")
    print_next(model.tokenizer, p, 3, settings.prompt)
    written = model.generate(ids, max_new_tokens=settings.tokens // 2, temperature=settings.temperature,
                             top_k=settings.top_k, seed=settings.seed)  # fmt: skip
    print("  ", end="")
    print_as_written(settings.prompt, until_ctrl_c(model.tokenizer.stream(written), silent=True))


def origin(m: Measured, settings: Any) -> None:
    """Say which model this is, whether it is kept, and what it knows."""
    folder = settings.folder or settings.out / "model"
    if settings.folder:
        print(f"\nThe model in {folder}:")
        return
    if not m.new:
        print(f"\nThe small model that an earlier run trained and kept in {folder} is used. Remove this folder")
        print("to train it anew, with other --steps or another --seed.", end=" ")
    elif not has_model(folder):
        print("\nThis half-trained model is used now, and not kept: the next run trains it anew.", end=" ")
    else:
        print("\nThe small model:", end=" ")
    print("It knows little but its made sentences. OpenAI's GPT-2, with --folder, knows more: see --help.")


def sizes(m: Measured) -> None:
    """Print this model's weights part by part, and beside it the sizes of GPT-2 and GPT-3."""
    config = m.model.config
    detail(f"\nParameters by the formula {m.parameters['by formula']:,}, and counted {m.parameters['counted']:,}")
    family = {f"GPT-2 {size}": GPTConfig.gpt2(size) for size in ("small", "xl")}
    builds = {"this one": config, **family, "GPT-3": GPTConfig.gpt3()}
    rows = {name: (c.layers, c.heads, c.width, c.parameter_count()) for name, c in builds.items()}
    table(("blocks", "heads", "width", "parameters"), rows, ",", "the same build")


def pieces(tokenizer: BPETokenizer, ids: Sequence[int]) -> None:
    """Print the prompt as pieces."""
    print(f"The prompt as {len(ids)} tokens: " + " / ".join(visible(tokenizer.decode([token])) for token in ids))


def cost(m: Measured) -> None:
    """Print what training GPT-3 takes, from its weights and tokens."""
    print("\nThe cost of training: 6 operations for each weight and each token (2 forward, 4 backward).")
    detail(f"  The weights of GPT-3 are its matrices: {m.weights:,}. With its biases, norms and positions it has the")
    detail(f"  {GPTConfig.gpt3().parameter_count():,} parameters of the table above.")
    print(f"  GPT-3: 6 x {m.weights:,} weights x {GPT3_TOKENS / 1e9:.0f} billion tokens = {m.operations:.2e}", end=" ")
    print(f"operations\n  on one V100, 28e12 a second: {m.years:.0f} years; at $1.50 an hour ${m.millions:.1f} million")
    if holds("cost of GPT-3", m):
        print("  The lecture's figure, $4.6 million, is less than a tenth away.")
