"""For 15_next_word.py: what it prints and draws."""

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np

from helpers import real as real_model
from helpers.corpora import ANSWERS, JOBS, LINES, QUESTION, UNSTATED
from helpers.drawing import chart
from helpers.program import SHOW_MORE, Measured, detail, elsewhere, holds, table
from helpers.training import tokens_and_targets
from transformer.training import IGNORED

START, PAD = "<start>", "<pad>"


def encode_sentence(tokenizer, lines):
    """Return tokens and targets, (lines, longest) each: a target is the next token, and after the last, <start>."""
    start = tokenizer.special_tokens[START]
    return tokens_and_targets([[start]] * len(lines), [[*tokenizer.encode(line), start] for line in lines])


def share_of_she(lines, job):
    """Of the lines about a job the share that says "she"."""
    said = [line.split()[4] for line in lines if line.startswith(f"The {job} said")]
    return said.count("she") / max(1, len(said))


# --- what is printed --------------------------------------------------------------------------------------------------


Chances = Mapping[str, float]  # word -> probability, the likeliest first


def report(m, settings):
    """Print what was measured, and draw it."""
    # One line as inputs and targets
    row = next(i for i, line in enumerate(m.lines) if line.startswith("The capital"))
    length = int((m.targets[row] != IGNORED).sum())
    detail("\nNo labels needed: the target at each token is the token that follows in the text.")
    for name, ids in (("token", m.tokens[row]), ("target", m.targets[row])):
        detail(f"  {name:7}" + "".join(f"{m.words.token(int(i)):10}" for i in ids[:length]).rstrip())

    # How the last vector becomes probabilities
    n = m.vocabulary
    detail(f'\nUnembedding, after "{m.words.decode(m.ids[1:])}":')
    detail(f"  the last token's final vector (64) x W_U (64 x {n}) -> raw scores for all {m.scored} tokens")
    rows = {m.words.token(int(i)): (m.scores[i], m.p[i]) for i in np.argsort(-m.p, kind="stable")[:5]}
    table(("score", "softmax"), rows | {f"all {n}": ("", m.total)}, ".4f", say=detail)

    # What follows the question, with and without a sentence before it
    print('\nWhat follows "?", whose vector has taken up what stands before it:')
    shown = f"{LINES['wet'][0]} {QUESTION}", f"{LINES['dry'][0]} {QUESTION}"
    for text, chances in {QUESTION: m.question, **m.told}.items():
        (print if text in (QUESTION, *shown) else detail)(f"  {text:47} {top(chances)}")
    shares = ", ".join(f"{word} {share:.2f}" for word, share in ANSWERS.items())
    print(f"  Without a sentence before it the corpus answers by chance: {shares}.")
    print(f"  The model's probabilities differ from these by {m.off:.2f} at most{elsewhere('usual', '.2f', m)}.")
    if holds("usual", m):
        print("  It says what is usual in its text, not what happened at a bank.")

    # The likeliest capital of countries whose capital the corpus states, and of others
    print("\nHallucination: the corpus never states these capitals, though it has both the country and the city.")
    for country, chances in m.unstated.items():
        word, p = next(iter(chances.items()))
        print(f'  "The capital of {country} is {word}."   P = {p:.2f}   in truth {UNSTATED[country]}:', end=" ")
        print(f"P = {chances[UNSTATED[country]]:.4f}")
    print(f"  Of the {len(m.stated)} stated capitals {m.facts:.0%} are right. After the others", end=" ")
    print(f"{m.cities:.0%} of the probability is on cities{elsewhere('plausible', '.0%', m)}.")
    if holds("plausible", m):
        print("  So nothing in the sentence tells you that it is invented.")

    # How many wrong answers go out when all do, with a confidence threshold, or checked against a list
    detail(f"\nFact verification: asked for {len(m.stated) + len(m.unstated)} capitals, which answers may go out?")
    rows = {rule: (len(out), m.wrong_out[rule], m.to_person[rule]) for rule, out in m.out.items()}
    table(("go out", "of these wrong", "to a person"), rows, say=detail)

    # How many answers are no city, or a wrong one, drawn freely and filled into a template with a list
    detail('\nResponse templates: "The capital of ___ is ___." with a city from a list, at T = 2')
    table(m.free, {"drawn freely": m.free.values(), "into the template": m.template.values()}, ".0%", say=detail)

    # The probability of "she" for each job beside its share in the corpus, and whether it is amplified
    print('\nTraining data bias: "The ... said that" she or he? The share of "she":')
    rows = {job: (m.in_text[job], m.she[job], m.she_cold[job]) for job in m.she}
    table(("in the corpus", "the model", "at T = 0.5"), rows, ".0%")
    detail(f"  The corpus was made with {', '.join(f'{share:.0%} for {job}' for job, share in JOBS.items())}.")
    print(f"  What is more frequent gains {100 * m.gained:.0f} points in the model: it", end=" ")
    print(f"{'amplifies' if holds('amplified', m) else 'does not amplify'} the bias. At T = 0.5 it gains", end=" ")
    print(f"{100 * m.gained_cold:.0f}{', and is amplified' if holds('amplified cold', m) else ''}.")

    # Ten draws at each temperature, and that a conversation changes nothing
    print(f'\nInconsistency: "{QUESTION}" asked ten times')
    for T, said in m.ten.items():
        different = f"{len(set(said))} different" if len(set(said)) > 1 else "all the same"
        print(f"  T = {T:g}: {' '.join(said)}   ({different})")
    detail('\nNo learning from interaction: it is told "The capital of Norway is Oslo.", and then asked')
    detail("  in a new conversation, so that this sentence is no longer in its context:")
    weights = "Some weights have changed." if m.changed else "All weights are the same as before."
    detail(f"  P(Oslo) before {m.oslo[0]:.4f}, after {m.oslo[1]:.4f}. {weights}")

    # Accuracy and variety for each temperature
    rows = m.rows
    print("\nAccuracy against variety: 50 draws for each capital, and 50 for the weather")
    shown = rows if SHOW_MORE.get() else [row for row in rows if row in (rows[0], rows[-1]) or row["T"] == 1]
    cells = {f"{row['T']:g}": (row["right"], str(row["varied"]), row["nonsense"]) for row in shown}
    table(("capitals right", "different words for the weather", "that are none"), cells, ".0%", "T")
    for text, chances in m.asked.items():
        print(f"\n{text}\n  {top(chances, 6)}")

    by_row = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    most, temperatures = by_row["varied"].max(), by_row["T"]
    curves = {
        "capitals right": (temperatures, by_row["right"]),
        f"different words for the weather\n(100%: {most} words)": (temperatures, by_row["varied"] / most),
        "of the words for the weather,\nthose that are none": (temperatures, by_row["nonsense"]),
    }
    path, title = settings.out / "accuracy_and_variety.png", "Accuracy, variety and nonsense, by the temperature"
    chart(path, title, curves, "temperature T", "share", shares=True)


def progress(step, loss, paris):
    """Print the loss, and the probability of a fact."""
    print(f"  step {step:4}: loss {loss:.3f}   perplexity exp(loss) {math.exp(loss):5.1f}   ", end="")
    print(f'P(Paris after "The capital of France is") {paris:.3f}', flush=True)


def top(chances, n=4):
    """The likeliest words as "'Yes' 0.40   'No' 0.30"."""
    return "   ".join(f"'{word}' {p:.2f}" for word, p in list(chances.items())[:n])


# --- a real model -----------------------------------------------------------------------------------------------------


ASKED = real_model.DATA["asked"]


def measure_real(settings):
    """What SmolLM2 knows, invents, contradicts and believes of occupations; ten questions of each kind."""
    model = real_model.smollm2("what follows")
    texts = ("The capital of France is", QUESTION, *settings.ask)
    after = zip(texts, real_model.chances(model, texts), strict=True)
    m = Measured(following={text: real_model.likeliest(model, p, 6) for text, p in after})

    # Capitals: those that there are, and those of countries of films and books
    m.true, m.none = real_model.DATA["capitals"], ASKED["invented"]
    ten = dict([*m.true.items()][:10])
    p = real_model.chances(model, [f"The capital of {country} is" for country in ten])
    first = [real_model.first_token(model, city) for city in ten.values()]
    m.rank = [int((row > row[token]).sum()) + 1 for row, token in zip(p, first, strict=True)]
    countries = *m.true, *m.none
    begun = [real_model.chat(model, f"What is the capital of {c}?", f"The capital of {c} is") for c in countries]
    m.said = [text.strip().split("\n")[0].rstrip(".") for text in real_model.continued(model, begun, 6)]
    m.p = real_model.chances(model, begun).max(axis=1)
    m.right = np.array([text.startswith(m.true.get(c, "?")) for c, text in zip(countries, m.said, strict=True)])
    m.named = [not text.startswith(("not ", "unknown", "a ")) for text in m.said[len(m.true) :]]

    # One question asked in three ways; and one asked twenty times
    m.ways = [[way.format(country=c, city=city) for way in ASKED["ways"]] for c, city in ten.items()]
    said = real_model.answers(model, [way for ways in m.ways for way in ways], 18)
    m.ways_said = [said[i : i + 3] for i in range(0, len(said), 3)]
    m.ways_right = [sum(city in text and not text.strip().startswith("No,") for text in said)
                    for city, said in zip(ten.values(), m.ways_said, strict=True)]  # fmt: skip
    twenty = real_model.answers(model, ["What is the capital of Australia?"] * 20, 12, T=0.7)
    cities = "Canberra", "Sydney", "Melbourne"
    m.twenty = Counter(next((city for city in cities if city in text), "other") for text in twenty)

    # "she" or "he", after occupations, in ten sentences
    jobs, sentences = [*ASKED["mostly_women"], *ASKED["mostly_men"]], ASKED["job_sentences"]
    p = real_model.chances(model, [sentence.format(job) for sentence in sentences for job in jobs])
    she, he = (p[:, real_model.first_token(model, word)] for word in ("she", "he"))
    m.she = (she / (she + he)).reshape(len(sentences), len(jobs))
    women = len(ASKED["mostly_women"])
    m.she_of_women, m.she_of_men = m.she[:, :women].mean(axis=1), m.she[:, women:].mean(axis=1)

    # A shop's rules: asked from memory, and with the rule whose vector is nearest
    m.rules, m.questions, wanted = zip(*ASKED["rules"], strict=True)
    bert = real_model.minilm()
    nearest = (bert.embed(m.questions) @ bert.embed(m.rules).T).numpy().argmax(axis=1)
    m.found = nearest == np.arange(len(m.rules))
    told = [f"Answer from this rule: {m.rules[i]}" for i in nearest]
    grounded = [f"{rule}\n{question}" for rule, question in zip(told, m.questions, strict=True)]
    m.alone_said, m.grounded_said = (real_model.answers(model, some, 24) for some in (m.questions, grounded))
    m.alone, m.grounded = ([word in text for word, text in zip(wanted, some, strict=True)]
                           for some in (m.alone_said, m.grounded_said))  # fmt: skip
    return m


def report_real(m, settings):
    """Print what was measured."""
    print("\nThe next token, and the lecture's question:")
    for text, found in m.following.items():
        print(f"  {text:28} {real_model.listed(found)}")
    print(f"  The right capital is the likeliest next token for {m.rank.count(1)} of {len(m.rank)} countries.")
    print(f"\nHallucination: {len(m.true)} capitals, and {len(m.none)} of countries that are in books and films only.")
    countries, real = np.array([*m.true, *m.none]), np.arange(len(m.p)) < len(m.true)
    for name, which in (("right", m.right & real), ("wrong", ~m.right & real), ("no such country", ~real)):
        best = np.flatnonzero(which)[np.argsort(-m.p[which])][:3]
        shown = "; ".join(f"{countries[i]}: {m.said[i]} {m.p[i]:.2f}" for i in best)
        print(f"  {which.sum():3} {name:16} mean P {m.p[which].mean():.2f}; surest: {shown}")
    print(f"  {sum(m.named)} of the {len(m.none)} countries that do not exist get a capital all the same.")

    print("\nInconsistency: one question asked in three ways, at temperature 0; right answers:")
    least = m.ways_right.index(min(m.ways_right))
    for question, text in zip(m.ways[least], m.ways_said[least], strict=True):
        print(f"    {question:44} {' '.join(text.split())}")
    both = sum(0 < right < len(ways) for ways, right in zip(m.ways, m.ways_right, strict=True))
    print(f"  Of {len(m.ways)} such questions {both} get a right answer one way and a wrong one another.")
    cities = ", ".join(f"{city} {n}" for city, n in m.twenty.most_common())
    print(f'  "What is the capital of Australia?" twenty times at T = 0.7: {cities}')

    women, men = m.she_of_women, m.she_of_men
    sentence = ASKED["job_sentences"][1].format("nurse")
    print(f'\nBias: P(she) of she and he, in {len(m.she)} sentences such as "{sentence} ..."')
    for name, shares in (("mostly_women", women), ("mostly_men", men)):
        row = f"  {', '.join(ASKED[name])}: {shares.mean():.0%}"
        print(f"{row}, from {shares.min():.0%} to {shares.max():.0%} by the sentence")

    print(f'\nKnowledge grounding: {len(m.rules)} questions about a shop\'s rules, such as "{m.questions[0]}"')
    for name, right, texts in (("From memory", m.alone, m.alone_said),
                               ("With the rule before it", m.grounded, m.grounded_said)):  # fmt: skip
        print(f"  {name}: {sum(right)} right, as {' '.join(texts[0].split())!r}")
    print(f"  MiniLM finds the right rule for {sum(m.found)}, by the nearest vector.")
