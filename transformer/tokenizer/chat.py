"""Chats as text: the messages, checked, and the template of a model's file, rendered.

    {% for message in messages %}
    {{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}
    {% endfor %}

A template is a program that came with a file, so it runs in Jinja's sandbox. It gets what `transformers` gives it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NoReturn

from .base import require

Messages = Sequence[Mapping[str, str]]
ROLES = ("system", "user", "assistant")


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
    """The text that a template makes. Raises ValueError if it fails or refuses, ImportError without jinja2."""
    environment = _environment()
    try:
        return str(environment.from_string(template).render(**variables))
    except Exception as error:  # whatever a program from a file may raise
        raise ValueError(f"the chat template fails: {error}") from None


@cache
def _environment() -> Any:
    """The sandbox of templates."""
    sandbox = require("jinja2.sandbox", "a chat template")

    def refuse(message: str) -> NoReturn:
        raise ValueError(message)

    made = sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    made.filters["tojson"] = lambda value, **settings: json.dumps(value, **{"ensure_ascii": False, **settings})
    made.globals |= {"raise_exception": refuse, "strftime_now": lambda form: datetime.now().strftime(form)}
    return made
