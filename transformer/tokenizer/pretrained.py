"""The tokenizer that a pretrained model came with, as the package `tokenizers` reads it: Llama's, BERT's, T5's, BART's.

    tokenizer = PretrainedTokenizer.from_files("my-llama")      # a folder with Hugging Face's tokenizer.json
    tokenizer.encode("Once upon a time")
    tokenizer.format_chat([{"role": "user", "content": "Hi!"}])     # the text that the model continues

GPT-2's is written out in bpe.py. Others differ in how a text is split into words, in how pieces are found (by merges,
WordPiece, Unigram), and in the special tokens around a text.

A chat becomes a text by a template in the model's file, a program in Jinja's language:

    {% for message in messages %}
    {{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}
    {% endfor %}
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NoReturn, Self

from tinygrad_lecture.files import atomic_write, read_json, read_text

from .base import Tokenizer, check_text, located, require, texts_of
from .bpe import PAIR, WHOLE, unspell

Messages = Sequence[Mapping[str, str]]
ROLES = ("system", "user", "assistant")
SETTINGS, NAMES, TEMPLATE = "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"
NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
MESSAGE_ENDS = ("<|im_end|>", "<|eot_id|>")  # special tokens that end an answer, besides eos_token


class PretrainedTokenizer(Tokenizer):
    """A tokenizer.json with its settings. `encode(text, "all")` returns what `transformers` returns for the same files.

    Without "all", names of special tokens in a text are ordinary text, as in all tokenizers here. `decode` leaves out
    an id above the vocabulary's, since a model may have more rows; so does transformers.

    - `whole`: the text of a tokenizer.json.
    - `settings`: the contents of the tokenizer_config.json beside it; read are `chat_template` and the names of special
      tokens, `eos_token` and the like.

    Raises ImportError without the package tokenizers, ValueError if it cannot read the file.
    """

    _rows = 2**31
    kind = "tokenizers"

    def __init__(self, whole: str, settings: Mapping[str, Any] | None = None) -> None:
        tokenizers = require("tokenizers", "this tokenizer")
        self._whole, self._settings = whole, dict(settings or {})
        try:
            self._package = tokenizers.Tokenizer.from_str(whole)
        except BaseException as error:  # the package has no class of its own, and its panics are no Exceptions
            if isinstance(error, KeyboardInterrupt):
                raise
            raise ValueError(f"the package tokenizers cannot read this tokenizer.json: {error}") from None
        self._package.no_truncation()
        self._package.no_padding()
        self._byte_level = isinstance(self._package.decoder, tokenizers.decoders.ByteLevel)
        added = self._package.get_added_tokens_decoder()
        self.special_tokens = {token.content: id for id, token in added.items() if token.special}
        self._size = 1 + max(self._package.get_vocab().values(), default=-1)

    @property
    def vocab_size(self) -> int:
        """One more than the last id, of special and added tokens too. A model may have more rows than that."""
        return self._size

    @cached_property
    def _tokens(self) -> list[str]:  # type: ignore[override]
        if self._byte_level:
            return [self._bytes(id).decode("utf-8", "backslashreplace") for id in range(self.vocab_size)]
        return [self._name(id).replace("▁", " ") for id in range(self.vocab_size)]

    def _name(self, id: int) -> str:
        return self._package.id_to_token(id) or ""  # an id may be left out

    def _bytes(self, id: int) -> bytes:
        """The bytes of a token of a byte-level tokenizer."""
        name = self._name(id)
        try:
            return unspell(name)
        except ValueError:  # an added token
            return name.encode("utf-8")

    # --- encode and decode ----------------------------------------------------------------------------------

    def encode(
        self, text: str, allowed_special: str | Collection[str] = (), *, add_special_tokens: bool = True
    ) -> list[int]:
        """The ids of a text: see `Tokenizer.encode`. Of BERT's tokenizer:

            encode("a [MASK]")                              # [CLS] a [ mask ] [SEP]: the name is ordinary text
            encode("a [MASK]", "all")                       # [CLS] a [MASK] [SEP]
            encode("a", add_special_tokens=False)           # a

        - `add_special_tokens`: whether to add those that the model saw around every text when it was trained, such as
          [CLS] and [SEP] (BERT) or </s> (T5). Many have none.
        """
        check_text("encode", text)
        parts = iter([(text, True)]) if allowed_special == "all" else self._parts("encode", text, allowed_special)
        encodings = []
        for part, is_special in parts:
            self._package.encode_special_tokens = not is_special  # True: their names are ordinary text
            encodings.append(self._package.encode(part, add_special_tokens=False))
        merged = type(encodings[0]).merge(encodings, growing_offsets=True)
        return list(self._package.post_process(merged, None, add_special_tokens).ids)

    def _encode(self, text: str) -> list[int]:
        return self.encode(text, add_special_tokens=False)

    def _texts(self, ids: Iterable[int]) -> Iterator[str]:
        if self._byte_level:
            yield from texts_of(map(self._bytes, ids))
            return
        seen, shown, text = [], "", ""
        for id in ids:
            seen.append(id)
            text = self._package.decode(seen, skip_special_tokens=False)
            new = text[len(shown) :] if text.startswith(shown) and not text.endswith("�") else ""
            shown += new
            yield new
        if rest := text[len(shown) :]:  # what a later token might have changed
            yield rest

    # --- special tokens and chats ---------------------------------------------------------------------------

    @property
    def named_tokens(self) -> dict[str, str]:
        """The special tokens that have a role: {"eos_token": "<|im_end|>", ...}."""
        given = {name: self._settings.get(name) for name in NAMED}
        texts = {name: token.get("content") if isinstance(token, dict) else token for name, token in given.items()}
        return {name: text for name, text in texts.items() if isinstance(text, str)}

    @property
    def ends(self) -> list[int]:
        """The ids that end an answer: of eos_token, and of a special token that ends a message."""
        names = (self.named_tokens.get("eos_token"), *MESSAGE_ENDS)
        return [self.special_tokens[name] for name in dict.fromkeys(names) if name in self.special_tokens]

    @property
    def chat_template(self) -> str | None:
        """The template of a chat, a program in Jinja's language; None for a model that was not trained to chat."""
        given = self._settings.get("chat_template")
        return given if isinstance(given, str) else None

    @property
    def _marks(self) -> list[str]:
        """The special tokens that chats are built of. In a message the others are ordinary text."""
        template, named = self.chat_template or "", self.named_tokens.values()
        return [name for name in self.special_tokens if name in template or name in named]

    def format_chat(self, messages: Messages, add_generation_prompt: bool = True) -> str:
        """A chat as a text of the kind that the model was trained on, made by the `chat_template`.

        - `messages`: a list of {"role": "user", "content": "Hi!"}; other roles are "system" and "assistant".
        - `add_generation_prompt`: whether the text ends with the beginning of an answer.

        Its special tokens are names in the text: `encode(text, "all", add_special_tokens=False)` gives their ids.

        Raises ValueError without a template, for messages that are not so or that the template refuses, and for a
        content with a special token that chats are built of; ImportError without the package jinja2.
        """
        if self.chat_template is None:
            raise ValueError("this tokenizer has no chat template: its model was not trained to chat; use generate")
        return render(
            self.chat_template,
            messages=checked_messages(messages, self._marks),
            add_generation_prompt=add_generation_prompt,
            **self.named_tokens,
        )

    def encode_chat(self, messages: Messages, room: int) -> list[int]:
        """The ids of a chat and of the beginning of an answer: at most `room`, if leaving out old messages helps.

        Left out are the oldest questions with their answers, but no system message at the front, and not the last
        question. Raises as `format_chat` does.
        """
        while True:
            text = self.format_chat(messages)
            typed = [name for name in self.special_tokens if name in text and name not in self._marks]
            ids = self.encode(text, self._marks if typed else "all", add_special_tokens=False)
            questions = [i for i, message in enumerate(messages) if message["role"] == "user"]
            if len(ids) <= room or len(questions) < 2:
                return ids
            front = messages[:1] if messages[0]["role"] == "system" else []
            messages = [*front, *messages[questions[1] :]]

    # --- files ----------------------------------------------------------------------------------------------

    @classmethod
    def from_files(cls, folder: str | Path) -> Self:
        """The tokenizer in a folder: its tokenizer.json, and tokenizer_config.json and chat_template.jinja if there.

        Raises FileNotFoundError without a tokenizer.json, and as the class does.
        """
        found = read_files(Path(folder))
        with located(Path(folder, WHOLE)):
            return cls(*found)

    def to_files(self, folder: str | Path) -> None:
        """Write tokenizer.json and tokenizer_config.json, for Hugging Face's libraries and `from_files`.

        Removes an earlier tokenizer's vocab.json and merges.txt, and chat_template.jinja.
        Raises FileNotFoundError if the folder does not exist.
        """
        folder = Path(folder)
        with atomic_write(folder / WHOLE) as whole, atomic_write(folder / SETTINGS) as settings:
            whole.write_text(self._whole, encoding="utf-8")
            settings.write_text(json.dumps(self._settings, ensure_ascii=False, indent=2), encoding="utf-8")
        for name in (TEMPLATE, *PAIR):  # the template is among the settings; the others are an earlier tokenizer
            (folder / name).unlink(missing_ok=True)

    def _state(self) -> dict[str, list[str]]:
        return {"whole": [self._whole], "settings": [json.dumps(self._settings)]}

    @classmethod
    def _from_state(cls, state: dict[str, list[str]]) -> Self:
        return cls(state["whole"][0], json.loads(state["settings"][0]))


def read_files(folder: Path) -> tuple[str, dict[str, Any]]:
    """The text of a folder's tokenizer.json, and its settings. Raises FileNotFoundError without one."""
    whole = read_text(folder / WHOLE)
    settings: dict[str, Any] = {}
    for path in (folder / NAMES, folder / SETTINGS):
        settings |= read_json(path, dict) if path.is_file() else {}
    if (folder / TEMPLATE).is_file():
        settings["chat_template"] = read_text(folder / TEMPLATE)
    return whole, settings


# --- chats -----------------------------------------------------------------------------------------------------


def checked_messages(messages: Messages, marks: Collection[str]) -> list[dict[str, str]]:
    """The messages as dicts. Raises as `PretrainedTokenizer.format_chat` does."""
    if isinstance(messages, (str, Mapping)) or not isinstance(messages, Sequence) or not messages:
        raise ValueError(f'chat: expected a list of messages, [{{"role": "user", "content": "Hi!"}}], got {messages!r}')
    for i, message in enumerate(messages):
        if not isinstance(message, Mapping) or not isinstance(message.get("content"), str):
            raise ValueError(f'chat: message {i} must be {{"role": ..., "content": a text}}, got {message!r}')
        if message.get("role") not in ROLES:
            raise ValueError(f"chat: message {i} has role {message.get('role')!r}; the roles are {', '.join(ROLES)}")
        for name in marks:
            if name in message["content"]:
                raise ValueError(f"chat: message {i} contains the special token {name!r}; remove it, or write it apart")
    return [dict(message) for message in messages]


def render(template: str, **variables: Any) -> str:
    """The text that a template makes, a program in Jinja's language, which runs in Jinja's sandbox.

    Raises ValueError if it fails or refuses; ImportError without jinja2.
    """
    environment = _environment()
    try:
        return str(environment.from_string(template).render(**variables))
    except Exception as error:  # whatever a program from a file may raise
        raise ValueError(f"the chat template fails: {error}") from None


@cache
def _environment() -> Any:
    """The sandbox of templates, with what `transformers` gives them."""
    sandbox = require("jinja2.sandbox", "a chat template")

    def refuse(message: str) -> NoReturn:
        raise ValueError(message)

    made = sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    made.filters["tojson"] = lambda value, **settings: json.dumps(value, **{"ensure_ascii": False, **settings})
    made.globals |= {"raise_exception": refuse, "strftime_now": lambda form: datetime.now().strftime(form)}
    return made
