"""A GPT learns to write: no labels, the text itself is the training signal.

    python examples/08_gpt.py                             # made sentences: in two minutes one can read it
    python examples/08_gpt.py --text input.txt            # a file of yours; data/README.md says where Shakespeare's is
    python examples/08_gpt.py --resume --prompt "The " --tokens 1000        # write again, after a training

The lecture's pipeline, for a text cut into characters:

    tokenize      text -> tokens                   transformer/tokenizer/
    embed         token -> vector                  transformer/embedding.py
    transform     N times attention, then FFN      transformer/block.py
    unembed       last vector x W_U -> scores      transformer/embedding.py
    sample        softmax(scores / T), a draw      transformer/generation.py

The loss is the cross-entropy -log p(next token), averaged over all tokens. Its exponential is the perplexity: the
number of equally likely tokens among which one would be as unsure. Ctrl-C ends the training, --resume continues it.
"""

from helpers.inside import pieces
from helpers.program import Common, Measured, open_run, start
from helpers.training import baselines
from show import gpt as show

import sys
from itertools import combinations
from typing import Any, Literal

import numpy as np

import nn
import tinygrad_lecture as tl
from transformer import GPT, GPTConfig, TokenCrossEntropy, decay_groups

SAME = "tokenizer", "vocabulary", "layers", "heads", "width", "context", "steps", "batch_size", "lr", "seed"  # of a run


def build(corpus: show.Corpus, settings: "Settings") -> tuple[GPT, nn.optim.AdamW, nn.optim.lr_scheduler.LRScheduler]:
    """A model with random weights, and what trains it. The same each time that it is called."""
    tl.manual_seed(settings.seed)
    sizes = {"layers": settings.layers, "heads": settings.heads, "width": settings.width}
    model = GPT(GPTConfig(vocab_size=corpus.tokenizer.vocab_size, context=settings.context, bias=False, **sizes))
    optimizer = nn.optim.AdamW(decay_groups(model, 0.1), settings.lr, betas=(0.9, 0.99))
    warmup = min(100, settings.steps // 10)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, warmup, settings.steps, settings.lr / 10)
    return model, optimizer, schedule


def batches_of(corpus: show.Corpus, settings: "Settings") -> nn.DataLoader:
    """Batches of tokens and targets, (batch, context) each: the targets are the tokens one place further on."""
    return nn.DataLoader(corpus.learn, min(settings.batch_size, len(corpus.learn)), shuffle=True, drop_last=True)


def by_hand(corpus: show.Corpus, settings: "Settings", steps: int) -> list[float]:
    """The training loop, for the first steps: their losses."""
    model, optimizer, schedule = build(corpus, settings)
    cross_entropy = TokenCrossEntropy()
    losses = []
    for _, (tokens, targets) in zip(range(steps), batches_of(corpus, settings), strict=False):
        logits = model(tokens)  # (batch, context, vocabulary)
        loss = cross_entropy(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


def one_prediction(m: Measured, prompt: str, temperature: float) -> None:
    """From a text to the probabilities of its next token, in the lecture's steps."""
    model = m.writer.model
    m.ids = m.writer.encode(prompt)[-model.context :]
    with tl.no_grad():
        trace = model.trace(m.ids)
        final = model.norm(tl.tensor(trace.residual[-1]))  # (tokens, width), after all blocks
        scores = model.unembedding(final[-1])  # (width,) x W_U -> (vocabulary,): from the last token alone
        p = tl.softmax(scores / max(temperature, 1e-3), -1)
        all_at_once = model(tl.tensor([m.ids]))[0, -1]
    m.shapes = [stage.shape for stage in trace.residual]  # after the embedding, and after each block
    m.scores, m.p, m.total = scores.numpy(), p.numpy(), p.sum().item()
    m.differ = np.abs((scores - all_at_once).numpy()).max()


def look_inside(m: Measured, corpus: show.Corpus) -> None:
    """What could be said after each block, by the logit lens; and what each head looks at."""
    model, batches = m.writer.model, nn.DataLoader(corpus.test, len(corpus.test))
    tokens, targets = next(iter(batches))  # (n, context) each
    trace = model.trace(tokens)
    logits = [trace.logits_at(layer) for layer in range(1, trace.layers + 1)]
    losses = [TokenCrossEntropy()(tl.tensor(each), targets).item() for each in logits]
    m.lens = {f"block {n}": loss for n, loss in enumerate(losses, 1)}

    # Surface: the next letter within a word. Less so: how the next word begins
    middle, last = (each.argmax(axis=-1) == targets.numpy() for each in (logits[(trace.layers - 1) // 2], logits[-1]))
    texts = np.array([text[-1:].isspace() for text in pieces(corpus.tokenizer, range(model.config.vocab_size))])
    begins = texts[tokens.numpy()]  # (n, context): whether a word begins after this token
    m.early = {name: middle[here].sum() / max(1, last[here].sum())
               for name, here in (("within words", ~begins), ("first letters", begins))}  # fmt: skip

    heads = np.concatenate(model.trace(tokens.numpy()[0]).attention)  # (all heads, queries, keys)
    late = heads[:, tokens.shape[1] // 2 :]  # early tokens have few others to look at
    m.overlap = np.mean([np.minimum(a, b).sum(axis=-1).mean() for a, b in combinations(late, 2)] or [1.0])


def make_trainer(corpus: show.Corpus, settings: "Settings", /, **more: Any) -> nn.Trainer:
    """An nn.Trainer, which runs the same loop. more: its other settings."""
    model, optimizer, schedule = build(corpus, settings)
    return nn.Trainer(model, batches_of(corpus, settings), TokenCrossEntropy(), optimizer, schedule=schedule,
                      clip_norm=1.0, **more)  # fmt: skip


def train(settings: "Settings") -> Measured:
    """Train a model with a Trainer. Every worker calls this; the first prints and writes the files."""
    corpus = show.load_corpus(settings.text, settings.tokenizer, settings.vocabulary, settings.context)
    test = nn.DataLoader(corpus.test, max(1, 8192 // settings.context))
    trainer = make_trainer(
        corpus,
        settings,
        steps=settings.steps,
        test=test,  # + scores on a text that is not learnt from, and the weights with the best ones
        record_every=max(1, settings.steps // 8),  # + a history, from which the curves are drawn
        on_record=lambda trainer: show.sample(writer, settings, trainer.step),
        folder=settings.out,  # + the state of the run, every 30 seconds and at the end; resuming is exact
        show=sys.stdout.isatty(),  # progress on a terminal; elsewhere the samples are enough
        settings={name: getattr(settings, name) for name in SAME} | {"text": corpus.sha256},  # + the same is resumed
    )
    writer = show.Writer(trainer.model, corpus.tokenizer)
    writer.encode(settings.prompt)  # raises for characters that the text does not have: now, not after the training
    parts = corpus.learn.tokens.numpy(), corpus.test.tokens.numpy()
    loss = baselines(corpus.tokenizer.vocab_size, *parts)
    m = Measured(corpus=corpus, writer=writer, batch_size=trainer.batches.batch_size, loss=loss)
    m.loss["the model before training"] = nn.evaluate(writer.model, test, TokenCrossEntropy()).loss
    if nn.parallel.rank() == 0:
        open_run(settings.out, settings.resume, settings.again)
    show.before_training(m, settings)
    m.history = trainer.fit(settings.resume)
    if m.history.best is not None:
        trainer.load_best()
        m.loss["the model"] = m.history[m.history.best].test.loss
    return m


def measure(settings: "Settings") -> Measured:
    """Train; then predict one token step by step, and look inside."""
    m = nn.parallel.run(train, settings, workers=settings.workers)
    look_inside(m, m.corpus)
    m.by_hand = by_hand(m.corpus, settings, steps=5)
    trainer = make_trainer(m.corpus, settings, steps=5, record_every=1, show=False)
    m.by_trainer = [row.train.loss for row in trainer.fit()]
    m.apart = max(abs(a - b) for a, b in zip(m.by_hand, m.by_trainer, strict=True))
    one_prediction(m, settings.prompt, settings.temperature)
    return m


class Settings(Common, out="gpt"):
    """What can be set on the command line."""

    text: str = "made"  # a UTF-8 file, or made
    tokenizer: Literal["char", "bpe"] = "char"  # tokens: characters, or pieces that are learnt (byte pairs)
    vocabulary: int = 1000  # tokens of the pieces
    layers: int = 4  # blocks, one after the other
    heads: int = 4  # attention heads in each block
    width: int = 128  # numbers in a token's vector
    context: int = 64  # tokens that the model sees
    steps: int = 1000  # of the optimizer
    batch_size: int = 12  # windows of the text in each step
    lr: float = 3e-3  # highest learning rate; the last is a tenth of it
    workers: int = 1  # processes that share each step
    resume: bool = False  # continue the run in the folder --out
    again: bool = False  # replace the run in the folder --out by a new one
    prompt: str = "The "  # how the text begins that it writes
    tokens: int = 160  # to write
    temperature: float = 0.8  # 0 always takes the likeliest token, 1 draws by the probabilities


if __name__ == "__main__":
    start(measure, Settings, show.report)
