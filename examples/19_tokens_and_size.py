"""Tokens and size: how a sum is cut into tokens, how large the model is, how much data it has.

    python examples/19_tokens_and_size.py
    python examples/19_tokens_and_size.py --real        # the tokens and the blocks of a real language model

The sums of all pairs of numbers below 50, a fifth of them held out. The lecture's tokenizations of "12+30=42":

    characters       1 2 + 3 0 = 4 2                       few tokens to know, long texts
    number tokens    12 + 30 = 42                          each number is one token, "12" has nothing to do with "13"
    byte pairs       pieces that are frequent in the sums  (transformer/tokenizer/bpe.py)
    special tokens   NUM_12 OP_PLUS NUM_30 OP_EQUALS NUM_42

Then an ablation with characters: the same recipe with other widths and with less data. And an ability that comes with
size: small networks, from few neurons and few sums to many, learn to add.
"""

from helpers import tokens_and_size as show
from helpers.program import DataError, RealToo, check, start
from helpers.tokens_and_size import Cut, byte_pairs, characters, numbers, special
from helpers.training import small_gpt, tokens_and_targets, train

import numpy as np

import nn
import tinygrad_lecture as tl
from transformer import GPT


def main(settings: "Settings") -> None:
    """Compare the tokenizations, then the sizes."""
    n = settings.largest + 1
    draw = np.random.default_rng(settings.seed)
    pairs = np.stack(np.divmod(draw.permutation(n * n), n), axis=1)  # (n * n, 2), in random order
    held_out, learnt = pairs[: n * n // 5], pairs[n * n // 5 :]

    # Four ways to cut "12+30=42"
    cuts: dict[str, Cut] = {"characters": characters(), "number tokens": numbers(2 * n),
                            "byte pairs": byte_pairs(learnt), "special tokens": special(2 * n)}  # fmt: skip
    show.cuts(cuts, len(learnt), len(held_out))
    held_out_right = {}
    for name in ("characters", "number tokens", "byte pairs"):
        cut = cuts[name]
        model, loss = learn(cut, learnt, 64, settings)
        held_out_right[name] = right(model, cut, held_out)
        show.learnt(name, model, loss, right(model, cut, learnt[:500]), held_out_right[name])
    tokens = [encode(cuts[name], learnt)[0] for name in ("number tokens", "special tokens")]  # (n, longest) each
    show.special_tokens(same=bool((tokens[0] == tokens[1]).all()))
    show.compared(held_out_right, n)

    # Ablation: model size and training data
    table = np.zeros((len(settings.widths), len(settings.shares)))
    sizes = []
    for i, width in enumerate(settings.widths):
        for j, share in enumerate(settings.shares):
            model, _ = learn(cuts["characters"], learnt[: int(share * n * n)], width, settings)
            table[i, j] = right(model, cuts["characters"], held_out)
        sizes.append(model.config.parameter_count())
        show.ablation(settings.shares, n * n, width, sizes[-1], table[i], first=i == 0)

    # "As models scale up, they develop capabilities": 40 inputs, one hidden layer, three digits
    grown = {"hidden neurons": {width: adders(width, 8000, settings) for width in (4, 8, 16, 32, 64)},
             "sums to learn from": {n: adders(64, n, settings) for n in (100, 300, 1000, 3000, 8000)}}  # fmt: skip
    show.emergence(grown)
    print("\nPictures:")
    show.draw_ablation(settings.widths, sizes, settings.shares, table, settings.out / "ablation.png")


def learn(cut: Cut, pairs: np.ndarray, width: int, settings: "Settings") -> tuple[GPT, float]:
    """A GPT of two blocks that has learnt these sums; and its last loss."""
    tl.manual_seed(settings.seed)
    tokens, targets = encode(cut, pairs)  # (n, longest) each
    model, optimizer, schedule = small_gpt(len(cut.pieces), width, settings.steps)
    draw = np.random.default_rng(settings.seed)

    def loss_of_answers() -> tl.Tensor:
        rows = draw.integers(0, len(tokens), 64)
        return model.loss(tokens[rows], targets[rows])

    return model, train(loss_of_answers, optimizer, settings.steps, schedule, clip=1.0)[-1]


def encode(cut: Cut, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and targets: the next token, where it belongs to the answer or ends it: (n, longest) each."""
    questions = [cut.encode(f"{a}+{b}=") for a, b in pairs.tolist()]
    return tokens_and_targets(questions, [[*cut.encode(f"{a + b}"), cut.end] for a, b in pairs.tolist()])


def right(model: GPT, cut: Cut, pairs: np.ndarray) -> float:
    """The share of right answers, always the likeliest token."""
    questions = [cut.encode(f"{a}+{b}=") for a, b in pairs.tolist()]
    said = model.generate_batch(questions, max_new_tokens=4, temperature=0, stop=cut.end)
    results = [str(a + b) for a, b in pairs.tolist()]
    return float(np.mean([cut.decode(answer) == result for answer, result in zip(said, results, strict=True)]))


def adders(width: int, n: int, settings: "Settings", seeds: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Networks that learn to add two numbers below 100 from n sums, each from random weights of its own.

    Returns the shares of digits, and of whole sums, that are right for 1,000 new sums: (seeds,) each.
    """
    draw, steps = np.random.default_rng(settings.seed), 4 * settings.steps
    a, b = np.divmod(draw.permutation(100 * 100), 100)
    x = np.eye(10, dtype=np.float32)[np.stack([a // 10, a % 10, b // 10, b % 10], axis=1)].reshape(-1, 40)
    y = np.stack([(a + b) // 100, (a + b) // 10 % 10, (a + b) % 10], axis=1)  # (10,000, 3)
    weights = [0.7 * tl.randn(seeds, 40, width), tl.zeros(seeds, 1, width),
               width**-0.5 * tl.randn(seeds, width, 30), tl.zeros(seeds, 1, 30)]  # fmt: skip
    optimizer = nn.optim.Adam([w.requires_grad_() for w in weights], lr=0.01)

    def scores(rows: np.ndarray) -> tl.Tensor:
        W1, b1, W2, b2 = weights
        hidden = tl.relu(tl.tensor(x[rows]) @ W1 + b1)  # (rows, 40) @ (seeds, 40, width) -> (seeds, rows, width)
        return (hidden @ W2 + b2).reshape(seeds, len(rows), 3, 10)

    def loss() -> tl.Tensor:
        rows = 1000 + draw.integers(0, n, 64)
        return nn.functional.cross_entropy(
            scores(rows).reshape(-1, 10), tl.tensor(np.tile(y[rows], (seeds, 1)).ravel())
        )

    train(loss, optimizer, steps, nn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps))
    with tl.no_grad():
        right = scores(np.arange(1000)).numpy().argmax(axis=-1) == y[:1000]  # (seeds, 1000, 3)
    return right.mean(axis=(1, 2)), right.all(axis=2).mean(axis=1)


class Settings(RealToo, out="tokens_and_size", ask_real=show.real):
    """What can be set on the command line."""

    largest: int = 49  # number in the sums
    steps: int = 500  # of the optimiser for each model, with 64 sums each
    widths: tuple[int, ...] = (8, 32, 64)  # of the models in the ablation
    shares: tuple[float, ...] = (0.2, 0.8)  # of all pairs to learn from in the ablation

    def __post_init__(self) -> None:
        check(self, largest=(4, 99), widths=4, shares=(0.01, 0.8))
        if any(width % 4 for width in self.widths):
            raise DataError("--widths: give multiples of 4, since there are 4 heads")


if __name__ == "__main__":
    start(main, Settings)
