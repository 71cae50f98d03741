"""Byte pair encoding on bytes: any text has tokens, frequent words have one, and rare ones a few.

A text is cut into words with the space before them; a word's UTF-8 bytes are its first pieces; then neighbours are
merged, in the order in which their merges were learnt. So did GPT-2 (A. Radford et al., "Language models are
unsupervised multitask learners", 2019), and with its files these are its tokens.
"""

from __future__ import annotations

import codecs
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from . import gpt2_files, tokenizer_json
from .base import Tokenizer, check_special_tokens, training_parts, whole
from .explanation import Explanation, Merge, Word
from .learning import Pair, learn_merges
from .merging import left_of, merging

if TYPE_CHECKING:
    from regex import Pattern

# GPT-2's: an English contraction's end; letters, digits or signs, with a space before them; space, of which the last
# character is left to the word that follows. \p{L} is a letter, \p{N} a digit, of any script.
WORDS = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
REMEMBERED = 1 << 16  # words whose ids are kept
LONGEST_REMEMBERED = 64  # characters


class BPETokenizer(Tokenizer):
    """Byte-level byte pair encoding.

        t = BPETokenizer.train(text, vocab_size=1000, special_tokens=["<|endoftext|>"])
        t = BPETokenizer.from_files("gpt2")     # a folder with GPT-2's files

    vocabulary: the bytes of each id, a special token's name in UTF-8; all 256 single bytes are among them.
    merges: the pairs of ids in the order in which they are merged.  special_tokens: name -> id.
    Raises ValueError if a byte is missing, a token comes twice, or a merge makes what is not in the vocabulary.
    Encoding needs the package regex, which `pip install "tinygrad-lecture[text]"` brings along; else ImportError.
    """

    kind = "bytes"

    def __init__(
        self, vocabulary: Sequence[bytes], merges: Sequence[Pair], special_tokens: Mapping[str, int] | None = None
    ) -> None:
        self.vocabulary, self.merges = list(vocabulary), list(merges)
        if not isinstance(special_tokens, Mapping | None):
            raise TypeError(
                f"BPETokenizer: special_tokens are names and their ids, as in {{'<pad>': 256}}, not {special_tokens!r}"
            )
        for token in self.vocabulary:
            if not isinstance(token, bytes):
                raise TypeError(f"BPETokenizer: the vocabulary is of bytes, as b'the', and has {token!r}")
        special = dict(special_tokens or {})
        check_special_tokens(special)
        for name, id in special.items():
            if self.vocabulary[id : id + 1] != [name.encode("utf-8")]:
                raise ValueError(f"BPETokenizer: the special token {name!r} is not in the vocabulary as id {id}")
        super().__init__([token.decode("utf-8", "backslashreplace") for token in self.vocabulary], special)
        self._names = gpt2_files.spell_all(self.vocabulary, special)
        special_ids = set(special.values())
        ids = {token: id for id, token in enumerate(self.vocabulary) if id not in special_ids}
        for byte in range(256):
            if bytes([byte]) not in ids:
                raise ValueError(f"BPETokenizer: byte {byte:#04x} is not in the vocabulary, and all 256 must be")
        self._of_byte = [ids[bytes([byte])] for byte in range(256)]
        self._merges: dict[Pair, tuple[int, int]] = {}  # pair -> (its place in the order, the id that it becomes)
        for number, (left, right) in enumerate(self.merges):
            if (left, right) in self._merges:
                raise ValueError(f"BPETokenizer: the merge of ids {left} and {right} comes twice")
            for id in (left, right):
                if id in special_ids or not 0 <= id < len(self.vocabulary):
                    raise ValueError(f"BPETokenizer: merge {number + 1} is of id {id}, which is no ordinary token")
            token = self.vocabulary[left] + self.vocabulary[right]
            if token not in ids:
                raise ValueError(f"BPETokenizer: ids {left} and {right} merge to {token!r}, which is no token")
            self._merges[left, right] = number, ids[token]
        self._remembered: dict[str, list[int]] = {}

    @classmethod
    def train(cls, text: str, vocab_size: int, special_tokens: Sequence[str] = ()) -> Self:
        """Learn merges from a text until there are `vocab_size` tokens: 256 bytes, the merges, the special tokens.

        Fewer if no pair of neighbours comes twice any more. Raises ValueError if vocab_size has no room for bytes and
        special tokens, TypeError unless the text is a str and vocab_size a whole number.
        """
        vocab_size = whole("BPETokenizer.train: vocab_size", vocab_size)
        least = 256 + len(special_tokens)
        if vocab_size < least:
            raise ValueError(
                f"BPETokenizer.train: vocab_size must be at least {least}, for 256 bytes and {len(special_tokens)} "
                f"special tokens, not {vocab_size}"
            )
        parts = training_parts("BPETokenizer.train", text, special_tokens)
        counts = Counter(word for part in parts for word in words(part))
        encoded = {word.encode("utf-8"): count for word, count in counts.items()}
        vocabulary, merges = learn_merges(encoded, vocab_size - len(special_tokens))
        special = {name: len(vocabulary) + i for i, name in enumerate(special_tokens)}
        return cls([*vocabulary, *(name.encode("utf-8") for name in special)], merges, special)

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = []
        for word in words(text):
            known = self._remembered.get(word)
            if known is None:
                pieces = self._bytes(word)
                deque(merging(pieces, self._merges), maxlen=0)
                known = left_of(pieces)
                if len(self._remembered) < REMEMBERED and len(word) <= LONGEST_REMEMBERED:
                    self._remembered[word] = known
            ids += known
        return ids

    def _bytes(self, word: str) -> list[int]:
        """A word's first pieces."""
        return [self._of_byte[byte] for byte in word.encode("utf-8")]

    def explain(self, text: str, allowed_special: str | Collection[str] = ()) -> Explanation:
        """Each merge of each word of a text, as it happens, to be printed or looked through.

        allowed_special: as of `encode`; such a token is a word without merges. Raises as `encode` does.

        >>> print(t.explain("hello"))
        hello   ids 31373
                            h|e|l|l|o
          merge 3     h + e     he|l|l|o
        """
        explained: list[Word] = []
        for part, special in self._parts("explain", text, allowed_special):
            if special:
                explained.append(Word(part, [part], [], [self.special_tokens[part]]))
            else:
                explained += map(self._explain_word, words(part))
        return Explanation(explained)

    def _explain_word(self, word: str) -> Word:
        pieces = self._bytes(word)
        start, merges = self._spelt(pieces), []
        for pair in merging(pieces, self._merges):
            left, right = self._spelt(pair)
            merges.append(Merge(self._merges[pair][0] + 1, left, right, self._spelt(pieces)))
        return Word(word, start, merges, left_of(pieces))

    def _spelt(self, pieces: Sequence[int]) -> list[str]:
        return [self._tokens[id] for id in left_of(pieces)]

    def _texts(self, ids: Iterable[int]) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a token may end in the middle of a character
        for id in ids:
            yield decoder.decode(self.vocabulary[id])
        rest = decoder.decode(b"", final=True)
        if rest:
            yield rest

    # --- files ---------------------------------------------------------------------------------------------

    @classmethod
    def from_files(
        cls, vocabulary: str | Path, merges: str | Path | None = None, special_tokens: Collection[str] | None = None
    ) -> Self:
        """GPT-2's tokenizer, or another like it, from the files of OpenAI or Hugging Face.

        vocabulary, merges: encoder.json and vocab.bpe, or vocab.json and merges.txt, with added_tokens.json beside it
        if there is one.  vocabulary alone: tokenizer.json, or a folder, with two of these files or else tokenizer.json.
        special_tokens: which tokens are special besides those that the files say were added, or that no merge makes and
        that look like <|endoftext|> or [MASK].
        Raises FileNotFoundError, or ValueError that names the file and what is wrong with it, or asked for by it that
        GPT-2's tokenizer does not do.
        """
        check_special_tokens(special_tokens or ())
        path = Path(vocabulary)
        if merges is not None:
            return gpt2_files.read(cls, path, Path(merges), special_tokens)
        if path.is_dir():
            found = gpt2_files.find(path)
            if found:
                return gpt2_files.read(cls, *found, special_tokens)
            path /= tokenizer_json.FILE
            if not path.is_file():
                wanted = ", or ".join([*(" and ".join(pair) for pair in gpt2_files.FILES), path.name])
                raise FileNotFoundError(f"the folder {path.parent} does not have {wanted}")
        return tokenizer_json.read(cls, path, special_tokens)

    def to_files(self, folder: str | Path) -> None:
        """Write vocab.json and merges.txt into a folder, for Hugging Face's libraries and `from_files`.

        What Hugging Face's libraries would read besides or instead, an added_tokens.json or a tokenizer.json of theirs,
        is removed. Raises FileNotFoundError if there is no such folder.
        """
        gpt2_files.write(Path(folder), self._names, self._spelt_merges())
        tokenizer_json.remove(Path(folder))

    def _spelt_merges(self) -> list[str]:
        return [f"{self._names[left]} {self._names[right]}" for left, right in self.merges]

    def _state(self) -> dict[str, list[str]]:
        return {
            "special_tokens": list(self.special_tokens),
            "vocabulary": self._names,
            "merges": self._spelt_merges(),
        }

    @classmethod
    def _from_state(cls, state: dict[str, list[str]]) -> Self:
        return cls(*gpt2_files.assemble(state["vocabulary"], state["merges"], state["special_tokens"]))


def words(text: str) -> list[str]:
    """The words of a text, each with the space before it, and the space between them. Joined, they are the text.

    Raises ImportError without the package regex.
    """
    return _words().findall(text)


@cache
def _words() -> Pattern[str]:
    try:
        import regex
    except ImportError:
        raise ImportError(
            'BPETokenizer cuts a text into words with the package regex: pip install "tinygrad-lecture[text]"'
        ) from None
    return regex.compile(WORDS)
