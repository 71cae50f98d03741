"""Word vectors: words become points, and directions between them have a meaning: king - man + woman is near queen.

    python examples/06_word_vectors.py                                      # learns its vectors, in seconds
    python examples/06_word_vectors.py --real                       # the vectors of SmolLM2, a real language model

The vectors are not written by hand. They are learnt from which words occur together (Mikolov et al., arXiv:1310.4546):

    skip-gram            from a word, guess the words around it: score = u · v, with u the vector of the word and v,
                         from a second table, the vector of a word beside it
    negative sampling    loss = -log sigmoid(u · v) for a pair that occurs, -log(1 - sigmoid(u · v)) for pairs that are
                         drawn at random

By default the text is made of sentence patterns, helpers/corpora.py, so nearly all analogies come out. With real
text fewer do: --real shows how many.
"""

from helpers import corpora as corpus
from helpers.program import Measured, RealToo, start
from helpers.training import progress, train
from show import word_vectors as show

from collections import Counter
from itertools import combinations
from random import Random

import numpy as np

import nn
import tinygrad_lecture as tl

ANALOGIES = [  # A - B + C, and the right answer
    ("king", "man", "woman", "queen"),
    ("cats", "cat", "dog", "dogs"),
    ("paris", "france", "italy", "rome"),
    ("germany", "berlin", "france", "paris"),  # as the lecture writes it
    ("berlin", "germany", "france", "paris"),
]
CLUSTERS = {
    "animals": ["dog", "cat", "horse", "bird"],
    "colours": ["red", "blue", "green", "yellow"],
    "countries": ["france", "germany", "italy", "spain"],
    "men": ["man", "boy", "king", "father"],
    "women": ["woman", "girl", "queen", "mother"],
}


class SkipGram(nn.Module):
    """Two tables: the vectors of words, which are what is wanted, and the vectors of words beside them."""

    def __init__(self, words: int, dim: int) -> None:
        self.word, self.beside = nn.Embedding(words, dim), nn.Embedding(words, dim)
        nn.init.uniform_(self.word.weight, -1 / dim, 1 / dim)
        nn.init.zeros_(self.beside.weight)

    def forward(self, word: tl.Tensor, beside: tl.Tensor) -> tl.Tensor:
        """The scores u · v: (batch,), (batch, n) -> (batch, n)."""
        u = tl.unsqueeze(self.word(word), 1)  # (batch, 1, dim)
        return (u * self.beside(beside)).sum(axis=-1)  # (batch, n, dim) -> (batch, n)


def learn(sentences: list[list[str]], settings: "Settings", window: int = 4, negatives: int = 5) -> show.WordVectors:
    """Vectors of all words of some sentences. Ctrl-C ends the learning early."""
    counts = Counter(word for sentence in sentences for word in sentence)
    words = list(counts)
    number = {word: i for i, word in enumerate(words)}
    pairs = np.array([  # (pairs, 2): a word, and a word at most 4 places away
        (number[word], number[other])
        for sentence in sentences
        for i, word in enumerate(sentence)
        for other in sentence[max(0, i - window) : i] + sentence[i + 1 : i + 1 + window]
    ])  # fmt: skip
    often = np.array([counts[word] for word in words]) ** 0.75  # as in word2vec, rare words a little more
    model = SkipGram(len(words), settings.dim)
    batch, random = 1024, np.random.default_rng(settings.seed)
    steps = max(1, settings.epochs * len(pairs) // batch)
    print(f"A made text: {len(sentences):,} sentences with {len(words)} different words.", end=" ")
    print(f"Words at most {window} places apart are a pair: {len(pairs):,} pairs.", flush=True)
    optimizer = nn.optim.Adam(model.parameters(), 0.01)
    schedule = nn.optim.lr_scheduler.LinearLR(optimizer, 1, 0.02, total_iters=steps)
    cross_entropy = nn.BCEWithLogitsLoss()
    targets = tl.tensor(np.eye(1, 1 + negatives, dtype=np.float32).repeat(batch, axis=0))  # 1 for the pair that occurs

    def loss_of_pairs() -> tl.Tensor:
        word, beside = pairs[random.integers(0, len(pairs), batch)].T  # (batch,) each
        others = random.choice(len(words), (batch, negatives), p=often / often.sum())
        scores = model(tl.tensor(word), tl.tensor(np.column_stack([beside, others])))  # (batch, 1 + negatives)
        return cross_entropy(scores, targets)

    train(loss_of_pairs, optimizer, steps, schedule, report=progress, reports=1)
    return show.WordVectors(words, model.word.weight.detach().numpy())


def measure(settings: "Settings") -> Measured:
    """Learn or read the vectors; then the lecture's examples, one by one."""
    made = [] if settings.real else corpus.make(settings.sentences, Random(settings.seed))
    vectors = learn(made, settings) if made else show.of_smollm2()
    m = Measured(vectors=vectors, made=not settings.real)

    # "Similar tokens get similar vectors"; "words with similar meanings cluster together"
    plurals = [vectors.cosine(*pair) for pair in vectors.known(corpus.PLURAL)]
    m.similar, m.all_pairs = np.mean(plurals or [np.nan]), vectors.mean_cosine()
    m.clusters = {name: found for name, some in CLUSTERS.items() if len(found := [w for w in some if w in vectors]) > 1}
    m.within, m.others = show.cluster_cosines(vectors, m.clusters)  # name -> mean cosine

    # "Directions in embedding space can encode semantic relationships"
    m.rank = {  # analogy -> which of the words nearest to A - B + C is the right answer
        f"{a} - {b} + {c}": vectors.rank(a, b, c, answer)
        for a, b, c, answer in ANALOGIES
        if all(word in vectors for word in (a, b, c, answer))
    }
    m.relations = {"gender": corpus.GENDER, "plural": corpus.PLURAL, "capital": corpus.CAPITAL}
    m.asked = {name: vectors.analogies(pairs) for name, pairs in m.relations.items()}  # ranks
    m.right = {name: np.mean(np.array(ranks) == 1) for name, ranks in m.asked.items() if ranks}
    m.gender, m.plural, m.capital = (ranks[:10] for ranks in m.asked.values())
    directions = {name: show.direction(vectors, pairs) for name, pairs in m.relations.items()}
    m.plural_steps = show.other_plurals(vectors, corpus.PLURAL)  # pair -> cosine with the step from cat to cats
    m.along = np.mean([*m.plural_steps.values()] or [np.nan])

    # "Each position captures some aspect of meaning, though not interpretable to humans"
    m.position = {name: (row**2).max() for name, row in directions.items()}  # of the 1 that all positions together have

    # "Mammal might be between Animal and Dog"
    m.cosine = {f"{a} and {b}": vectors.cosine(a, b) for a, b in vectors.known(combinations(show.THREES[0], 2))}
    m.between = [vectors.cosine(a, c) < min(vectors.cosine(a, b), vectors.cosine(b, c))
                 for a, b, c in show.THREES if a in vectors and b in vectors and c in vectors]  # fmt: skip

    # "Embeddings can capture societal biases present in training data: occupational gender stereotypes"
    m.jobs = {job: share for job, share, _ in corpus.OCCUPATIONS if job in vectors}  # of women; as the made text says
    m.female = {job: float(vectors[job] @ directions["gender"]) for job in m.jobs}
    m.bias = np.corrcoef([*m.female.values()], [*m.jobs.values()])[0, 1] if len(m.jobs) > 2 else np.nan
    return m


class Settings(RealToo, out="word_vectors"):
    """What can be set on the command line."""

    sentences: int = 30_000  # to make and to learn from
    dim: int = 32  # numbers in each vector
    epochs: int = 3  # passes over all pairs of neighbours


if __name__ == "__main__":
    start(measure, Settings, show.report)
