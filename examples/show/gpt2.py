"""For 10_gpt2.py: a folder with a GPT-2 in Hugging Face's format, and what is printed."""

import numpy as np

from helpers.drawing import chart
from helpers.inside import draw_inside, draw_lens, print_as_written, print_next
from helpers.program import DataError, Measured, detail, table, until_ctrl_c
from helpers.real import DATA, first_token, likeliest, listed, smollm2
from transformer import GPT, BPETokenizer, GPTConfig, probabilities
from transformer.inspect.trace import visible

END = "<|endoftext|>"


def load(folder):
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


def report(m, settings):
    """Print what was measured, what the models write, and draw what goes on inside."""
    if settings.folder:
        print(f"\nThe model in {settings.folder}:")
    else:
        kept = f" that an earlier run trained and kept in {settings.out / 'model'} is used. Remove this"
        remove = "\nfolder to train it anew, with other --steps or another --seed."
        print(f"\nThe small model{':' if m.new else kept + remove}", end=" ")
        print("It knows little but its made sentences. OpenAI's GPT-2, with --folder, knows more: see --help.")
    pieces = " / ".join(visible(m.tokenizer.decode([token])) for token in m.ids)
    print(f"The prompt as {len(m.ids)} tokens: {pieces}")
    print_next(m.tokenizer, m.p, 3)
    drawing = {"temperature": settings.temperature, "top_k": 50, "seed": settings.seed}
    stop = m.tokenizer.special_tokens.get(END)
    written = m.model.generate(m.ids, max_new_tokens=settings.tokens, stop=stop, **drawing)
    print(f"It continues, at temperature {settings.temperature:g}:\n  ", end="")
    text = print_as_written(settings.prompt, until_ctrl_c(m.tokenizer.stream(written)))

    # This model's weights, and beside it the sizes of GPT-2 and GPT-3
    detail(f"\nParameters by the formula {m.parameters['by formula']:,}, and counted {m.parameters['counted']:,}")
    family = {f"GPT-2 {size}": GPTConfig.gpt2(size) for size in ("small", "xl")}
    builds = {"this one": m.model.config, **family, "GPT-3": GPTConfig.gpt3()}
    rows = {name: (c.layers, c.heads, c.width, c.parameter_count()) for name, c in builds.items()}
    table(("blocks", "heads", "width", "parameters"), rows, ",", "the same build")

    # What training GPT-3 takes, from its weights and tokens
    print("\nThe cost of training: 6 operations for each weight and each token (2 forward, 4 backward).")
    print(f"  GPT-3: 6 x {m.weights:,} weights x {GPT3_TOKENS / 1e9:.0f} billion tokens = {m.operations:.2e}", end=" ")
    print(f"operations\n  on one V100, 28e12 a second: {m.years:.0f} years; at $1.50 an hour ${m.millions:.1f} million")
    print("  The lecture's figure, $4.6 million, is less than a tenth away.")

    draw_inside(m.model, m.tokenizer, m.tokenizer.encode(text), settings.out)


# --- a real model -----------------------------------------------------------------------------------------------------


EACH = 15  # words of each kind for the probes


SURFACE, MEANING = "surface: has the word more than 7 letters?", "meaning: is the word good or bad?"


def measure_real(settings):
    """What SmolLM2 would say if it stopped after each block, and what can be read off its vectors there."""
    model = smollm2("to continue texts, and looked into after each of its 30 blocks")
    trace = model.trace(model.tokenizer.encode(settings.prompt))
    m = Measured(model=model, p=probabilities(trace.logits_at(trace.layers)[-1]).numpy(), ranks={}, said={})

    # The logit lens: ten capitals, and the rank of each as the next token
    for country, city in [*DATA["capitals"].items()][:10]:
        trace, right = model.trace(model.tokenizer.encode(f"The capital of {country} is")), first_token(model, city)
        logits = [trace.logits_at(layer)[-1] for layer in range(trace.layers + 1)]  # (vocab_size,) each
        m.ranks[country] = [int((scores > scores[right]).sum()) + 1 for scores in logits]
        m.said[country] = [listed(likeliest(model, probabilities(scores).numpy(), 3)) for scores in logits]
    m.middle, m.last = ([ranks[layer] for ranks in m.ranks.values()] for layer in (trace.layers // 2, -1))

    # Linear probes, for each of ten things that a sentence may be about
    found = [probes(model, thing) for thing in DATA["film"]["things"]]
    m.curves = {name: np.mean([each[name] for each in found], axis=0) for name in found[0]}
    m.surface, m.meaning, m.sentence = (
        [int(np.argmax(np.array(each[name]) > max(each[name]) - 0.02)) for each in found] for name in m.curves
    )
    m.surface_first, m.meaning_first = ([each[name][1] for each in found] for name in (SURFACE, MEANING))
    return m


def probes(model, thing):
    """How well surface and meaning of a sentence can be read off its last token, after each block.

    Probes are linear, as in Alain & Bengio, arXiv:1610.01644; ten groups of words are held out in turn.
    """
    words = [word for kind in ("good", "bad") for word in DATA["film"][kind].split()[:EACH]]
    ids = [model.tokenizer.encode(f"The {thing} was {adverb} {word}.") for adverb in ("very", "not") for word in words]
    rows = [[] for _ in ids]
    for length in {*map(len, ids)}:  # those of one length at once
        which = [k for k, tokens in enumerate(ids) if len(tokens) == length]
        stages = model.trace(np.array([ids[k] for k in which])).residual  # (texts, tokens, width) each
        for place, k in enumerate(which):
            rows[k] = [stage[place, -1] for stage in stages]  # the full stop has read all before it
    vectors = np.stack(rows, 1)  # (layers + 1, texts, width)
    praised, negated = np.tile(np.arange(len(words)) < EACH, 2), np.arange(2 * len(words)) >= len(words)
    asked = {SURFACE: np.tile([len(word) > 7 for word in words], 2), MEANING: praised}
    asked["meaning of the sentence, with not"] = praised ^ negated
    return {name: [right_by_probe(layer, answer) for layer in vectors] for name, answer in asked.items()}


def report_real(m, settings):
    """Print what was measured, and draw it."""
    print_next(m.model.tokenizer, m.p, 5, settings.prompt)
    print('\nThe residual stream through the logit lens: "The capital of Italy is" (Rome), after block')
    for layer in (0, 1, 6, 12, 18, 24, 27, 28, 29, 30):
        print(f"  {layer:3}  {m.said['Italy'][layer]:36} Rome is number {m.ranks['Italy'][layer]:,}")
    print('\nWhat the last token of "The film was not dull." knows: right answers about words held out, after block')
    shown = sorted({0, 1, 2, 3, 8, 14, 20, len(m.curves[SURFACE]) - 1})
    table(shown, {name: shares[shown] for name, shares in m.curves.items()}, ".0%")
    best = ", ".join(f"{min(blocks)} to {max(blocks)}" for blocks in (m.surface, m.meaning, m.sentence))
    print(f"  Means of ten such sentences: film, book, ... They are at their best, or nearly, after blocks {best}.")

    text = f"The capital of Italy is Rome. The opposite of hot is cold. {settings.prompt}"
    draw_lens(m.model, m.model.tokenizer, m.model.tokenizer.encode(text), settings.out / "real_lens.png")
    lines = {name: (range(len(shares)), shares) for name, shares in m.curves.items()}
    title = "What a straight line can read off the vector of the last token"
    chart(settings.out / "real_probes.png", title, lines, "blocks that have worked on it; 0 is the embedding",
          "right of words held out", "-", shares=True, levels={"a guess": 0.5})  # fmt: skip


def right_by_probe(rows, answers, groups=10):
    """The share of right answers of a linear probe (ridge regression) to groups of rows held out in turn.

    rows: (n, width).  answers: (n,), of n / 2 words, each in two sentences, which are held out together.
    """
    words = np.random.default_rng(0).permutation(len(rows) // 2)
    right = 0
    for group in range(groups):
        out = np.isin(np.arange(len(rows)) % len(words), words[group::groups])
        mean, spread = rows[~out].mean(axis=0), rows[~out].std(axis=0) + 1e-6
        x, new = (rows[~out] - mean) / spread, (rows[out] - mean) / spread
        signs = np.where(answers[~out], 1.0, -1.0)
        gram = x @ x.T
        ridge = 0.1 * np.trace(gram) / len(gram) + 1e-6
        weights = np.linalg.solve(gram + ridge * np.eye(len(gram)), signs - signs.mean())
        right += int(((new @ x.T @ weights + signs.mean() > 0) == answers[out]).sum())
    return right / len(rows)
