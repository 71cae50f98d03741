"""GPT: decoder-only. Every token looks at itself and what came before, and says which token comes next.

model = GPT(GPTConfig(vocab_size=65, context=64, layers=4, heads=4, width=128))
logits = model(tokens)                          # (batch, tokens) -> (batch, tokens, vocab_size)
model.loss(tokens, next_tokens).backward()
for token in model.generate([1, 2, 3], temperature=0.8, top_k=40): ...
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import nn
from tinygrad_lecture import Tensor

from .block import Block, final_norm
from .config import GPTConfig, check_config
from .embedding import Embedding
from .generation.cache import Cache, seen_by
from .generation.generate import Settings, one, padded, several
from .inspect.probes import Trace, trace_stack
from .masks import checked_padding, look_back
from .positions import positions_of
from .pretrained.folder import PretrainedFolder, save_folder
from .training.loss import token_cross_entropy
from .training.parameters import initialize
from .unembedding import Unembedding


class GPT(nn.Module):
    """Embedding, `layers` blocks, a norm, unembedding (Radford et al., 2019). GPTConfig has all there is to choose."""

    def __init__(self, config: GPTConfig) -> None:
        check_config(self, config, GPTConfig)
        self.config = config
        with nn.init.skip():
            self.embedding = Embedding(config)
            self.blocks = nn.ModuleList([Block(config) for _ in range(config.layers)])
            self.norm = final_norm(config)
            self.unembedding = Unembedding(config.vocab_size, config.width, self.embedding.W_E if config.tied else None)
        initialize(self, config)

    def forward(self, tokens: Any, padding_mask: Any = None, cache: Cache | None = None) -> Tensor:
        """Logits of the token that follows each token: (..., tokens) -> (..., tokens, vocab_size).

        tokens: integers, a Tensor, array or list.
        padding_mask: (..., tokens), True for a token and False for what only fills up, at either end; with a cache, of
        the tokens in it and these; left out, these are all tokens, and those in it are as they were.
        cache: see `new_cache`.
        Raises as `Embedding.checked` does, and ValueError for another shape of padding mask, or a cache of other texts.
        """
        return self.unembedding(self.vectors(tokens, padding_mask, cache))  # type: ignore[no-any-return]

    def vectors(self, tokens: Any, padding_mask: Any = None, cache: Cache | None = None) -> Tensor:
        """What stands before the unembedding: (..., tokens) -> (..., tokens, width). Arguments as of `forward`."""
        seen = seen_by(cache)
        tokens = self.embedding.checked(tokens, seen)
        n, device = tokens.shape[-1], tokens.device
        padding = checked_padding(padding_mask, (*tokens.shape[:-1], seen + n), device)
        if cache is not None:
            cache.begin(len(self.blocks), tokens)
            padding = cache.padding(padding, n)
        positions = positions_of(n, seen, padding, device)
        mask = look_back(n, seen + n, padding, device)
        x = self.embedding(tokens, positions)  # (..., tokens, width)
        for layer, block in enumerate(self.blocks):
            x = block(x, mask, positions, None if cache is None else cache.own[layer])
        if cache is not None:
            cache.end(tokens, padding)
        return self.norm(x)  # type: ignore[no-any-return]

    def loss(self, tokens: Any, targets: Any, padding_mask: Any = None) -> Tensor:
        """The mean cross-entropy of the tokens that follow.

        targets: (..., tokens), for each token the one after it; -100 is not counted.
        """
        return token_cross_entropy(self(tokens, padding_mask), targets)

    # --- from and to files ------------------------------------------------------------------------------

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """A GPT-2 from a folder as Hugging Face's `transformers` keeps them, in evaluation mode.

        The folder: config.json, and model.safetensors (or its parts with an index) in float32, float16 or bfloat16,
        all read as the default dtype. Names may begin with `transformer.`; causal masks among them are let pass. Its
        tokenizer is read by `BPETokenizer.from_files(folder)`.
        Of the three probabilities of dropout resid_pdrop counts.
        Raises FileNotFoundError where a file is missing, ImportError without safetensors, ValueError for a config that
        GPT cannot follow, or that lists all tensors that are missing, unexpected, there twice or of another shape, and
        a lm_head.weight that differs from wte.weight although config.json ties them.
        """
        opened = PretrainedFolder(folder)
        with nn.init.skip():
            model = cls(opened.config)
        opened.load_weights(model)
        return model.eval()

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors to a folder, which is made if need be, for `transformers` to read.

        A model that was there before is replaced, also one in parts; `BPETokenizer.to_files` adds the tokenizer.
        Biases that the model does without are written as zeros, which means the same. Raises ValueError for a model
        that is no GPT-2: with another place of norms, other positions, or a gate in the FFN.
        """
        save_folder(self, folder)

    # --- looking inside ---------------------------------------------------------------------------------

    def trace(self, tokens: Any, padding_mask: Any = None) -> Trace:
        """What goes on inside while the model reads: attention weights, residual stream, logit lens.

        In evaluation mode and without gradients. Arguments and errors as of `forward`.
        """
        return trace_stack(self, tokens, padding_mask)

    # --- generating -------------------------------------------------------------------------------------

    @property
    def context(self) -> int:
        """The most tokens that the model can look at."""
        return self.config.context

    @property
    def vocab_size(self) -> int:
        """How many tokens there are."""
        return self.config.vocab_size

    def new_cache(self) -> Cache:
        """An empty key/value cache: tokens that `forward` gets with it are added, and later ones look at them too."""
        return Cache(self.config.layers)

    def next_logits(self, tokens: Tensor, padding_mask: Tensor | None = None, cache: Cache | None = None) -> Tensor:
        """Of the token after the last alone: (..., tokens) -> (..., vocab_size)."""
        return self.unembedding(self.vectors(tokens, padding_mask, cache)[..., -1, :])  # type: ignore[no-any-return]

    def generate(
        self,
        prompt: Sequence[int] | Any,
        *,
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        stop: int | Iterable[int] | None = None,
        seed: int | None = None,
        cached: bool = True,
    ) -> Iterator[int]:
        """The tokens that follow a prompt, one by one as they are drawn.

        prompt: at least one token, a list, array or Tensor of shape (tokens,).
        temperature, top_k, top_p: see `probabilities`; temperature 0 always takes the most probable.
        stop: a token, or several, that end the text; it is not part of it.
        seed: for a random stream of its own; else the one that `tl.manual_seed` seeds.
        cached: keep keys and values of earlier tokens (KeyValues), which changes nothing but the time.
        Beyond the context the model sees the last `context` tokens.
        Raises at once ValueError for settings that make no sense, an empty prompt; TypeError for what are no numbers;
        IndexError for a token out of vocabulary, to stop at too.
        """
        settings = Settings(
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            stop=stop,
            seed=seed,
            cached=cached,
        )
        return one(self, self, *padded([prompt]), settings)

    def generate_batch(self, prompts: Iterable[Sequence[int] | Any], **settings: Any) -> list[list[int]]:
        """The tokens that follow each of several prompts, of any lengths, drawn side by side.

        The settings are those of `generate`, and so are the errors.
        """
        return several(self, self, *padded(prompts), Settings.of(settings))
