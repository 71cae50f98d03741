"""GPT-2: how it reads a text, what it would say next, what goes on inside, and what larger ones cost.

    python examples/10_gpt2.py
    python examples/10_gpt2.py --real                  # SmolLM2 instead, block by block
    python examples/10_gpt2.py --folder gpt2 --prompt "The capital of France is"

By default it trains a small model of the same build once, on sentences that it makes, and keeps it in GPT-2's format in
the folder --out. OpenAI's GPT-2 knows far more. The smallest has 124 million weights; fetch its 548 MB once:

    pip install huggingface_hub
    hf download openai-community/gpt2 config.json model.safetensors vocab.json merges.txt --local-dir gpt2

Larger ones are openai-community/gpt2-medium, -large and -xl. `--folder` also takes a model of your own that
`GPT.save_pretrained` and `BPETokenizer.to_files` wrote.

    text -> pieces -> vectors -> N blocks -> the last vector -> W_U -> scores -> softmax -> the next piece
    compute to train: about 6 operations for each weight and token    (Kaplan et al., arXiv:2001.08361)
"""

from helpers.corpora import make_lines
from helpers.program import Measured, RealToo, start
from helpers.training import progress, train
from show import gpt2 as show

from pathlib import Path
from random import Random

import numpy as np

import nn
import tinygrad_lecture as tl
from transformer import GPT, BPETokenizer, GPTConfig, probabilities


def measure(settings: "Settings") -> Measured:
    """Load a GPT-2, or train a small one; let it read and predict; then count what larger ones cost."""
    folder = settings.folder or settings.out / "model"
    m = Measured(new=settings.folder is None and not (folder / "model.safetensors").is_file())  # it is written last
    if m.new:
        print(f"There is no GPT-2 at hand, so a small one is trained on made sentences, once, and kept in {folder}.")
        m.model, m.tokenizer = train_small(folder, settings)
    else:
        m.model, m.tokenizer = show.load(folder)
    counted = sum(p.numel() for p in m.model.parameters())
    m.parameters = {"by formula": m.model.config.parameter_count(), "counted": counted}

    # Tokenize, and run all blocks
    m.ids = m.tokenizer.encode(settings.prompt)
    with tl.no_grad():
        vectors = m.model.vectors(tl.tensor([m.ids]))  # (1, tokens, width)
        scores = m.model.unembedding(vectors[0, -1])  # (width,) -> (vocabulary,)
    m.p = probabilities(scores).numpy()  # (vocabulary,)

    # The cost: training compute grows with weights times tokens
    m.weights = GPTConfig.gpt3().weight_count()
    m.operations = 6 * m.weights * show.GPT3_TOKENS
    m.years = m.operations / show.V100 / 3600 / 24 / 365
    m.millions = m.operations / show.V100 / 3600 * show.DOLLARS_AN_HOUR / 1e6
    return m


def train_small(folder: Path, settings: "Settings") -> tuple[GPT, BPETokenizer]:
    """A GPT-2 of 2 blocks, trained on made sentences; kept, in GPT-2's format, unless Ctrl-C ended the training."""
    lines = make_lines(4000, Random(settings.seed))
    tokenizer = BPETokenizer.train("\n".join(lines), 400, special_tokens=[show.END])
    end = tokenizer.special_tokens[show.END]
    text = np.array([token for line in lines for token in (*tokenizer.encode(line), end)])
    model = GPT(GPTConfig(vocab_size=tokenizer.vocab_size, context=48, layers=2, heads=4, width=64, init_std=None))
    optimizer = nn.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, settings.steps // 8, settings.steps)
    draw = np.random.default_rng(settings.seed)

    def next_token_loss() -> tl.Tensor:
        starts = draw.integers(0, len(text) - 48, 16)[:, None]
        window = text[starts + np.arange(49)]  # (16, 49)
        return model.loss(window[:, :-1], window[:, 1:])  # the target of a token is the next one

    losses = train(next_token_loss, optimizer, settings.steps, schedule, report=progress, reports=1)
    if len(losses) == settings.steps:
        folder.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(folder)  # removes an earlier model's tokenizer
        tokenizer.to_files(folder)
    return model, tokenizer


class Settings(RealToo, out="gpt2", ask_real=(show.measure_real, show.report_real)):
    """What can be set on the command line."""

    folder: Path | None = None  # folder of a GPT-2 in Hugging Face's format; without it, a small one is trained
    prompt: str = "The weather today is"  # how the text begins
    tokens: int = 40  # pieces to write
    temperature: float = 0.8  # 0 takes the likeliest, 1 draws as the model says
    steps: int = 300  # of the optimiser, for the small model


if __name__ == "__main__":
    start(measure, Settings, show.report)
