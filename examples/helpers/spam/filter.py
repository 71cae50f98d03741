"""SpamFilter: a network with its vocabulary and its threshold, saved in one file.

    spam_filter = SpamFilter.load(Path("out/spam/filter.safetensors"))
    spam_filter.probabilities(["Call 09061 701461 now to claim your prize"])       # array([0.99...])
    spam_filter.reasons("Call 09061 701461 now to claim your prize")               # [("[phone number]", 2.9), ...]

It is trained in training.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import nn
import tinygrad_lecture as tl
from helpers.spam.features import Vectorizer, tokenize


def build(n_inputs: int, hidden: Sequence[int]) -> nn.MLP:
    """Return a network with random weights: one input per token of the vocabulary, one output.

    The output is a logit; its sigmoid is the probability of spam. Without hidden layers this is logistic regression:
    one weight per token.
    """
    return nn.MLP([n_inputs, *hidden, 1])


@dataclass
class SpamFilter:
    """A network, the vectorizer that makes its input, and the threshold: the lowest probability called spam."""

    vectorizer: Vectorizer
    hidden: list[int]
    threshold: float = 0.5
    precision: float | None = None  # the goal when the threshold was chosen, if it was
    notes: dict[str, str] = field(default_factory=dict)  # saved with it: what it was trained on

    def __post_init__(self) -> None:
        self.model = build(len(self.vectorizer.vocabulary), self.hidden)

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the probability of spam for each message, (n,)."""
        return self.judge(self.rows(texts))

    def rows(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the network's input, (n, vocabulary)."""
        return self.vectorizer([tokenize(text) for text in texts])

    def judge(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probability of spam for each row of input, (n,)."""
        with tl.no_grad():
            logits = self.model(tl.tensor(rows)).squeeze(-1).double()
            return tl.sigmoid(logits).numpy()  # float64, where 0.9999999 is not yet 1

    def pushes(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how far each token pushes the logit towards spam (above 0) or ham, (n, vocabulary): x · d logit/dx.

        Between the kinks of its ReLUs the network is linear, so the pushes of a message add up to its logit, except for
        what the biases add. The gradient comes from backpropagation, continued to the inputs.
        """
        x = tl.tensor(rows, requires_grad=True)
        (slopes,) = tl.grad(self.model(x).sum(), [x])  # of the sum: each logit depends on its own row only
        assert slopes is not None  # every row is part of the sum
        return slopes.numpy() * rows

    def reasons(self, text: str) -> list[tuple[str, float]]:
        """Return the known tokens of a message, each with its push, the strongest first."""
        rows = self.rows([text])
        push = self.pushes(rows)[0]
        known = np.flatnonzero(rows[0])
        strongest = known[np.argsort(-np.abs(push[known]), kind="stable")]
        return [(self.vectorizer.vocabulary[i], float(push[i])) for i in strongest]

    # --- files --------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Save the filter to a safetensors file. Raises ImportError without that package, OSError."""
        words = {
            "kind": self.vectorizer.kind,
            "vocabulary": json.dumps(self.vectorizer.vocabulary),
            "hidden": json.dumps(self.hidden),
            "threshold": repr(self.threshold),
            "precision": json.dumps(self.precision),
            "notes": json.dumps(self.notes),
        }
        tensors = {"idf": tl.tensor(self.vectorizer.idf), **self.model.state_dict(prefix="model.")}
        nn.weights.save_file(tensors, path, words)

    @classmethod
    def load(cls, path: Path) -> SpamFilter:
        """Load a saved filter. Raises ImportError, OSError, and ValueError for another kind of file."""
        tensors, words = nn.weights.load_file(path), nn.weights.load_metadata(path)
        try:
            vocabulary = [str(token) for token in json.loads(words["vocabulary"])]
            hidden = [int(size) for size in json.loads(words["hidden"])]
            vectorizer = Vectorizer(words["kind"], vocabulary, tensors.pop("idf").numpy())
            if vectorizer.idf.shape != (len(vocabulary),):
                raise ValueError("the numbers of words and of their weights differ")
            notes = {str(key): str(note) for key, note in json.loads(words["notes"]).items()}
            precision = json.loads(words["precision"])
            precision = None if precision is None else float(precision)
            loaded = cls(vectorizer, hidden, float(words["threshold"]), precision, notes)
            loaded.model.load_state_dict({key.removeprefix("model."): value for key, value in tensors.items()})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problem = f"{error} is missing" if isinstance(error, KeyError) else error
            raise ValueError(f"{path} is not a spam filter saved by 11_spam.py: {problem}") from error
        return loaded
