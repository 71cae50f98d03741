"""The tokenizer in a GGUF file, as Hugging Face's tokenizer.json and tokenizer_config.json would have it.

tokenizer.ggml.model         "gpt2": byte-level byte pair encoding; "llama": SentencePiece's
tokenizer.ggml.tokens        ["<|endoftext|>", ..., "Ġt", ...], token_type 3 for a special token
tokenizer.ggml.pre           of "gpt2", how a text is split into words: "gpt-2", "smollm", "llama-bpe"
tokenizer.ggml.merges        of "gpt2": ["Ġ t", "Ġ a", ...]
tokenizer.ggml.scores        of "llama": of two merges, the one whose result has the higher score comes first
tokenizer.ggml.eos_token_id  2, and so bos, unknown, padding
tokenizer.chat_template
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SPECIAL, PLAIN = 3, 4  # token_type
ROLES = {"bos": "bos_token", "eos": "eos_token", "unknown": "unk_token", "padding": "pad_token"}
WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


def tokenizer_files(fields: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The text of a tokenizer.json and the contents of a tokenizer_config.json, from the fields of a GGUF file.

    Raises ValueError for another kind of tokenizer or way to split a text into words, or where a field is missing.
    """
    given = {name.removeprefix("tokenizer.ggml."): value for name, value in fields.items()}
    kind, tokens, named = given.get("model"), given.get("tokens", []), {}
    if kind not in ("gpt2", "llama"):
        raise ValueError(f"its tokenizer is {kind!r}; supported are 'gpt2' and 'llama'")
    for name, theirs in ROLES.items():
        id = given.get(f"{name}_token_id")
        if isinstance(id, int) and id < len(tokens):
            named[theirs] = tokens[id]
    kinds = given.get("token_type", [])
    whole = {
        "version": "1.0",
        "added_tokens": [_added(id, tokens[id], kind) for id, kind in enumerate(kinds) if kind in (SPECIAL, PLAIN)],
        "post_processor": _around(
            named.get("bos_token") if given.get("add_bos_token", kind == "llama") else None,
            named.get("eos_token") if given.get("add_eos_token") else None,
            tokens,
        ),
        **(_byte_level(given, tokens) if kind == "gpt2" else _sentencepiece(given, tokens)),
    }
    return json.dumps(whole, ensure_ascii=False), {**named, "chat_template": fields.get("tokenizer.chat_template")}


def _byte_level(given: Mapping[str, Any], tokens: list[str]) -> dict[str, Any]:
    """The parts of a tokenizer.json that split a text into words, and words into bytes that are merged."""
    words, merges = given.get("pre", "gpt-2"), given.get("merges")
    if words not in WORDS:
        raise ValueError(f"its tokenizer splits a text into words as {words!r} does; supported are {', '.join(WORDS)}")
    if merges is None:
        raise ValueError("its tokenizer has no merges")
    vocabulary = {token: id for id, token in enumerate(tokens)}
    return {
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": WORDS[words]},
        "decoder": WORDS["gpt-2"][0],
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges, "ignore_merges": words == "llama-bpe"},
    }


def _sentencepiece(given: Mapping[str, Any], tokens: list[str]) -> dict[str, Any]:
    """The parts for a text that is not split: ▁ is a space, and a character that is no token falls back to bytes.

    SentencePiece's files have no merges: those of a token are all pairs of tokens that it can be made from.
    """
    vocabulary, scores = {token: id for id, token in enumerate(tokens)}, given.get("scores", [])
    pairs = [
        (score, token[:cut], token[cut:])
        for token, score in zip(tokens, scores, strict=False)
        for cut in range(1, len(token))
        if token[:cut] in vocabulary and token[cut:] in vocabulary
    ]
    pairs.sort(key=lambda pair: (pair[0], len(pair[1]), len(pair[2])), reverse=True)
    merges = [pair[1:] for pair in pairs]
    prefix = given.get("add_space_prefix", True)
    space, first = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, "first" if prefix else "never"
    decoders = [space, {"type": "ByteFallback"}, {"type": "Fuse"}]
    decoders += [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if prefix else []
    return {
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": first, "split": False},
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges, "fuse_unk": True, "byte_fallback": True},
    }


def _added(id: int, token: str, kind: int) -> dict[str, Any]:
    settings = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": id, "content": token, "special": kind == SPECIAL, **settings}


def _around(before: str | None, after: str | None, tokens: list[str]) -> dict[str, Any]:
    """A post_processor that adds special tokens before and after a text, A, or a pair of texts, A and B."""
    first, last = ([{"SpecialToken": {"id": name, "type_id": 0}}] if name else [] for name in (before, after))
    a, b = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    special = {name: {"id": name, "ids": [tokens.index(name)], "tokens": [name]} for name in (before, after) if name}
    single, pair = [*first, a, *last], [*first, a, b, *last]
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special}
