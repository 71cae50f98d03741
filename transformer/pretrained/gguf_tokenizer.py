"""The tokenizer in a GGUF file, as Hugging Face's tokenizer.json and tokenizer_config.json would have it.

tokenizer.ggml.model         "gpt2": byte-level byte pair encoding
tokenizer.ggml.pre           how a text is split into words: "gpt-2", "smollm", "llama-bpe"
tokenizer.ggml.tokens        ["<|endoftext|>", ..., "Ġt", ...], token_type 3 for a special token
tokenizer.ggml.merges        ["Ġ t", "Ġ a", ...]
tokenizer.ggml.eos_token_id  2, and so bos, unknown, padding
tokenizer.chat_template
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

SPECIAL, PLAIN = 3, 4  # token_type
ROLES = {"bos": "bos_token", "eos": "eos_token", "unknown": "unk_token", "padding": "pad_token"}

BYTES: dict[str, Any] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
WORDS: dict[str, list[dict[str, Any]]] = {  # tokenizer.ggml.pre -> how a text is split, step by step
    "gpt-2": [BYTES],
    "smollm": [{"type": "Digits", "individual_digits": True}, BYTES],
    "llama-bpe": [
        {"type": "Split", "pattern": {"Regex": LLAMA_3}, "behavior": "Isolated", "invert": False},
        {**BYTES, "use_regex": False},
    ],
}


def tokenizer_files(fields: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The text of a tokenizer.json and the contents of a tokenizer_config.json, from the fields of a GGUF file.

    Raises ValueError for another kind of tokenizer or way to split a text into words, or where a field is missing.
    """
    given = {name.removeprefix("tokenizer.ggml."): value for name, value in fields.items()}
    kind, words = given.get("model"), given.get("pre", "gpt-2")
    if kind != "gpt2" or words not in WORDS:
        raise ValueError(
            f"its tokenizer is {kind!r} with words as in {words!r}; supported is 'gpt2' with {', '.join(WORDS)}"
        )
    tokens, merges = given.get("tokens"), given.get("merges")
    if not isinstance(tokens, list) or not isinstance(merges, list):
        raise ValueError("its tokenizer has no tokens or no merges")
    named = {}
    for name, theirs in ROLES.items():
        id = given.get(f"{name}_token_id")
        if isinstance(id, int) and id < len(tokens):
            named[theirs] = tokens[id]
    kinds = given.get("token_type", [])
    whole = {
        "version": "1.0",
        "added_tokens": [_added(id, tokens[id], kind) for id, kind in enumerate(kinds) if kind in (SPECIAL, PLAIN)],
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": WORDS[words]},
        "post_processor": _around(
            named.get("bos_token") if given.get("add_bos_token") else None,
            named.get("eos_token") if given.get("add_eos_token") else None,
            tokens,
        ),
        "decoder": BYTES,
        "model": {
            "type": "BPE",
            "vocab": {token: id for id, token in enumerate(tokens)},
            "merges": merges,
            "ignore_merges": words == "llama-bpe",
        },
    }
    return json.dumps(whole, ensure_ascii=False), {**named, "chat_template": fields.get("tokenizer.chat_template")}


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
