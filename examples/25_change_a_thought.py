"""Change a thought: what if Italy's vector stood in France's place, or a head were silent, or the tone another?

    python examples/25_change_a_thought.py                  # in two small models that it trains
    python examples/25_change_a_thought.py --real           # in a real one
    python examples/25_change_a_thought.py --steps 100      # in two that have learnt little

Each point of a model has a name. A trace reads what is computed there. An edit puts something else in its place, and
the model goes on with that.

    trace = model.trace(tokens)                                     trace["blocks.3"]: the vectors after block 3
    with model.edit({"blocks.3": lambda x: x + 0.3 * direction}): ...
    model.patch(france, italy, score, each="token")                 the score for each point taken from the other text
    trace.shares(" Paris")                                          what each head and FFN adds to its logit

Blocks and heads are counted from 0, as in the names of points: head 18.6 is number 6 of block 18. A logit is the score
of a word before softmax.
"""

from helpers.inside import direction, without
from helpers.program import Measured, RealToo, start
from helpers.real import chances, first_token, largest, loss_on
from show import change_a_thought as show

import numpy as np

import tinygrad_lecture as tl


def measure(settings: "Settings") -> Measured:
    """Four changes: another country, a head less, the heads that copy, a direction; each with ten sentences."""
    asked = show.real() if settings.real else show.small(settings.steps, settings.seed)
    m = Measured(asked=asked)
    italy_for_france(asked, m)
    one_head_after_another(asked, m)
    induction(asked, settings, m)
    another_tone(asked, settings, m)
    return m


def italy_for_france(asked: show.Subject, m: Measured) -> None:
    """Ten texts, "The capital of France is" and so on, in which one vector comes from the next country's text."""
    model, layers = asked.model, asked.model.config.layers
    blocks = [f"blocks.{k}" for k in range(layers)]
    tokens = np.array([model.tokenizer.encode(f"The capital of {country} is") for country in asked.capitals])
    own = np.array([first_token(model, city) for city in asked.capitals.values()])  # (10,)
    other, texts, country, last = np.roll(own, -1), np.arange(len(own)), -2, -1  # the country is the last token but one
    trace = model.trace(tokens)
    there = {name: tl.tensor(np.roll(value, -1, axis=0)) for name, value in trace.items()}  # in the next text

    def logits(changes: dict[str, object]) -> np.ndarray:  # (10, vocab_size), of the last token
        with model.edit(changes):
            return model.trace(tokens, points="logits")["logits"][:, -1]

    def swapped(changes: dict[str, object]) -> np.ndarray:  # (10,): the other country's capital over its own
        scores = logits(changes)
        return scores[texts, other] - scores[texts, own]

    places = {"the country's token": country, "the last token": last}
    points = ["embedding", *blocks]
    m.before = swapped({})
    m.moved = {name: [swapped({p: show.put(there[p][:, at], at)}) for p in points] for name, at in places.items()}
    stays = np.stack(m.moved["the last token"], 1) <= 0  # (10, points): where the other capital does not lead
    m.decides_from = [int(np.flatnonzero([True, *row])[-1]) - 1 for row in stays]  # the block from which on it does
    m.blocks_left = [layers - 1 - block for block in m.decides_from]
    m.early = sum(left > 0 for left in m.blocks_left)

    # Which part brings it to the last token? What each in turn adds to that stays as it was, in all blocks
    italy = {"embedding": show.put(there["embedding"][:, country], country)}
    for part in ("attention", "ffn"):
        same = {f"{block}.{part}": show.put(tl.tensor(trace[f"{block}.{part}"][:, last]), last) for block in blocks}
        setattr(m, f"past_{part}", np.abs(swapped(italy | same) - m.before))  # (10,): what comes past it

    # Which part knows the capital? Each in turn adds nothing to the country's vector, in a quarter of the blocks
    def right(changes: dict[str, object]) -> np.ndarray:  # (10,)
        return logits(changes).argmax(-1) == own

    m.right, m.quarters = right({}), [some.tolist() for some in np.array_split(blocks[1:], min(4, layers - 1))]
    nothing = show.put(0, country)
    attention, ffn = (np.stack([right({f"{block}.{part}": nothing for block in some}) for some in m.quarters])
                      for part in ("attention", "ffn"))  # fmt: skip
    m.without = {"attention": attention.sum(axis=1), "FFN": ffn.sum(axis=1)}  # (quarters,) each
    m.most = int(np.argmax(m.without["attention"] - m.without["FFN"]))
    m.without_attention, m.without_ffn = attention[m.most], ffn[m.most]  # (10,) each

    # The last vector is a sum of updates, and so is each logit
    traces = [model.trace(row) for row in tokens]
    shares = [(trace.shares(int(a)), trace.shares(int(b))) for trace, a, b in zip(traces, own, other, strict=True)]
    m.logit, m.off = [a.logit for a, _ in shares], [max(abs(a.biases), abs(b.biases)) for a, b in shares]
    m.heads, m.ffns = ([float(getattr(a - b, part).sum()) for a, b in shares] for part in ("heads", "ffns"))

    m.patched = model.patch(tokens[0], tokens[1], lambda x: x[-1, own[0]] - x[-1, own[1]], points, each="token")
    m.labels = [model.tokenizer.decode([token]) for token in tokens[0].tolist()]
    m.city = next(iter(asked.capitals.values()))
    m.shares = traces[0].shares(f" {m.city}")


def one_head_after_another(asked: show.Subject, m: Measured) -> None:
    """Which of ten sentences suffer without a head: foretold for all heads by gradients, then tried."""
    model, (sentences, right, wrong) = asked.model, zip(*asked.sentences, strict=True)
    layers, heads = model.config.layers, model.config.heads
    good, bad = ([first_token(model, word) for word in words] for words in (right, wrong))
    m.foretold = np.zeros((len(sentences), layers, heads))
    for i, sentence in enumerate(sentences):
        points = ["logits", "blocks.*.attention.heads"]
        trace = model.trace(model.tokenizer.encode(sentence), points=points, requires_grad=True)
        score = trace["logits"][-1, good[i]] - trace["logits"][-1, bad[i]]
        sent = [trace[f"blocks.{k}.attention.heads"] for k in range(layers)]  # (heads, tokens, head_dim) each
        slopes = tl.grad(score, sent)
        m.foretold[i] = [(x * slope).detach().numpy().sum((-1, -2)) for x, slope in zip(sent, slopes, strict=True)]

    def scores(silent: list[tuple[int, int]]) -> np.ndarray:  # (sentences,): of the right word over the wrong one
        with model.edit(without(model, silent)):
            log_p = np.log(np.maximum(chances(model, sentences), 1e-30))
        return log_p[np.arange(len(good)), good] - log_p[np.arange(len(good)), bad]

    m.whole = scores([])
    strongest = sorted({head for losses in m.foretold for head in largest(losses, 3)})  # those of each sentence
    m.lost = {head: m.whole - scores([head]) for head in strongest}  # (sentences,) each
    of_kind = [np.array(asked.kinds) == kind for kind in dict.fromkeys(asked.kinds)]  # (sentences,) for each kind
    m.by_kind = {head: np.array([loss[some].mean() for some in of_kind]) for head, loss in m.lost.items()}
    hurt = [int((losses > show.HURT).sum()) for losses in m.by_kind.values()]
    m.kinds_hurt = [n for n in hurt if n]  # by each head that hurts any


def induction(asked: show.Subject, settings: "Settings", m: Measured) -> None:
    """Heads that look from a repeated token to the one after its earlier occurrence (Olsson et al., arXiv:2209.11895).

    They are sought in random tokens that come twice, where nothing else helps; then they are silenced.
    """
    model, layers, draw = asked.copies, asked.copies.config.layers, np.random.default_rng(settings.seed)
    n = min(25, len(asked.pool))
    once = np.stack([draw.choice(asked.pool, n, replace=False) for _ in range(4)])  # (4, n)
    trace = model.trace(np.concatenate([once, once], axis=1), points="blocks.*.attention.weights")
    second = np.arange(n, 2 * n - 1)  # where tokens come again
    weights = np.stack([trace[f"blocks.{k}.attention.weights"] for k in range(layers)])  # (layers, 4, heads, 2n, 2n)
    m.share = weights[..., second, second - n + 1].mean((1, 3))  # (layers, heads)
    m.found = [tuple(map(int, head)) for head in np.argwhere(m.share > show.INDUCTION)]
    others = [tuple(map(int, head)) for head in np.argwhere(m.share <= show.INDUCTION)]
    drawn = [[others[i] for i in draw.permutation(len(others))[: len(m.found)]] for _ in range(3)]
    silent = {"all heads": [[]], "without all of these": [m.found], "without as many others": drawn}

    # Right answers by task; and the probability of the right one, in the last task, which no weight can know
    m.answered = {which: [] for which in silent}
    for shots, answers in asked.shots.values():
        right, rows = [first_token(model, word) for word in answers], np.arange(len(answers))
        p = []
        for which, some in silent.items():
            found = []
            for heads in some:
                with model.edit(without(model, heads)):
                    found.append(chances(model, shots))
            m.answered[which].append(np.mean([one.argmax(-1) == right for one in found]))
            p.append(np.mean([one[rows, right] for one in found], axis=0))
    m.p_all, m.p_without, m.p_without_others = p  # (10,) each


def another_tone(asked: show.Subject, settings: "Settings", m: Measured) -> None:
    """A direction from casual to formal, the mean of 20 pairs of sentences, added to each token's vector."""
    model, point = asked.model, f"blocks.{asked.block}"
    towards = direction(model, asked.pairs[:20], point)
    m.losses, m.texts = [], []  # for each strength
    for strength in settings.strengths:
        with model.edit({point: lambda x, strength=strength: x + strength * towards}):
            m.losses.append([[loss_on(model, text) for text in pair] for pair in asked.pairs[20:]])  # (10, 2)
            prompts = [model.tokenizer.encode(opening) for opening in asked.openings]
            texts = model.generate_batch(prompts, max_new_tokens=16, temperature=0)
        m.texts.append([model.tokenizer.decode(text) for text in texts])
    m.losses = np.array(m.losses)  # (strengths, 10, 2)
    m.formal = (m.losses[..., 1] - m.losses[..., 0]).T  # (10, strengths): the lead of the formal one


class Settings(RealToo, out="thought"):
    """What can be set on the command line."""

    steps: int = 400  # of the training of the small models
    strengths: tuple[float, ...] = (-0.6, -0.3, 0, 0.3, 0.6)  # of the direction, in lengths of the vectors there


if __name__ == "__main__":
    start(measure, Settings, show.report)
