"""EncoderDecoder: one text in, another out, as in translation; the 2017 transformer, T5 and BART.

    model = EncoderDecoder(EncoderDecoderConfig(vocab_size=30, context=16, layers=2, heads=4, width=64))
    logits = model(source, target)                  # (batch, source), (batch, target) -> (batch, target, vocab_size)
    model.loss(source, target, targets)             # target begins with a start token, targets is one token ahead
    for token in model.generate(source_ids, start=1, stop=2): ...

The encoder's tokens look at the whole source. The decoder's look at what came before them in the target, and at all
of the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import nn
from tinygrad_lecture import Tensor

from .block import Block, CrossBlock, final_norm
from .config import EncoderDecoderConfig, check_config
from .embedding import Embedding
from .generation.cache import Cache, seen_by
from .generation.generate import Settings, one, padded, several
from .inspect.probes import Trace, trace_both
from .masks import checked_padding, look_back, look_everywhere
from .positions import positions_of
from .tokens import check_vocabulary
from .training.loss import token_cross_entropy
from .training.parameters import initialize
from .unembedding import Unembedding


class EncoderDecoder(nn.Module):
    """An encoder's blocks and a decoder's, over one W_E (Vaswani et al., arXiv:1706.03762).

    EncoderDecoderConfig has all there is to choose.
    """

    def __init__(self, config: EncoderDecoderConfig) -> None:
        check_config(self, config, EncoderDecoderConfig)
        self.config = config
        with nn.init.skip():
            self.source_embedding = Embedding(config)
            self.encoder = nn.ModuleList([Block(config) for _ in range(config.layers)])
            self.encoder_norm = final_norm(config)
            W_E = self.source_embedding.W_E
            self.target_embedding = Embedding(config, W_E)
            self.decoder = nn.ModuleList([CrossBlock(config) for _ in range(config.layers)])
            self.decoder_norm = final_norm(config)
            self.unembedding = Unembedding(config.vocab_size, config.width, W_E if config.tied else None)
        initialize(self, config)

    def forward(self, source: Any, target: Any, source_padding: Any = None, target_padding: Any = None) -> Tensor:
        """Logits of the token that follows each of target's: (..., source), (..., target) -> (..., target, vocab_size).

        source_padding, target_padding: bools of their shapes, True for a token and False for what only fills up.
        Raises as `Embedding.checked` does, and for a padding mask of another shape ValueError.
        """
        memory = self.encode(source, source_padding)
        return self.unembedding(self.decode(target, memory, target_padding, source_padding))  # type: ignore[no-any-return]

    def encode(self, source: Any, source_padding: Any = None) -> Tensor:
        """A vector for each token of the source: (..., source) -> (..., source, width)."""
        source = self.source_embedding.checked(source)
        padding = checked_padding(source_padding, source.shape, source.device)
        positions = positions_of(source.shape[-1], 0, padding, source.device)
        mask = look_everywhere(padding)
        x = self.source_embedding(source, positions)  # (..., source, width)
        for block in self.encoder:
            x = block(x, mask, positions)
        return self.encoder_norm(x)  # type: ignore[no-any-return]

    def decode(
        self,
        target: Any,
        memory: Tensor,
        target_padding: Any = None,
        source_padding: Any = None,
        cache: Cache | None = None,
    ) -> Tensor:
        """What stands before the unembedding: (..., target) -> (..., target, width).

        memory: (..., source, width), from `encode`.  cache: see `new_cache`; target_padding then is that of the tokens
        in it and these; left out, these are all tokens, and those in it are as they were. source_padding: that of
        `encode`; a cache remembers it.
        Raises ValueError unless target and memory have the same batch, and the cache is of these texts.
        """
        seen = seen_by(cache)
        target = self.target_embedding.checked(target, seen)
        if target.shape[:-1] != memory.shape[:-2]:
            raise ValueError(
                "EncoderDecoder: each source has its target, and the other way round, but sources have the batch "
                f"{memory.shape[:-2]} and targets {target.shape[:-1]}"
            )
        n, device = target.shape[-1], target.device
        padding = checked_padding(target_padding, (*target.shape[:-1], seen + n), device)
        memory_padding = checked_padding(source_padding, memory.shape[:-1], device)
        if cache is not None:
            cache.begin(len(self.decoder), target, memory.detach())
            padding, memory_padding = cache.padding(padding, n), cache.source_padding(memory_padding)
        positions = positions_of(n, seen, padding, device)
        mask = look_back(n, seen + n, padding, device)
        memory_mask = look_everywhere(memory_padding)
        x = self.target_embedding(target, positions)  # (..., target, width)
        for layer, block in enumerate(self.decoder):
            own, cross = (None, None) if cache is None else (cache.own[layer], cache.cross[layer])
            x = block(x, memory, mask, memory_mask, positions, own, cross)
        if cache is not None:
            cache.end(target, padding, memory_padding)
        return self.decoder_norm(x)  # type: ignore[no-any-return]

    def loss(
        self, source: Any, target: Any, targets: Any, source_padding: Any = None, target_padding: Any = None
    ) -> Tensor:
        """The mean cross-entropy of the tokens that follow those of target.

        targets: (..., target), for each token of target the one after it; -100 is not counted.
        """
        return token_cross_entropy(self(source, target, source_padding, target_padding), targets)

    def trace(self, source: Any, target: Any, source_padding: Any = None, target_padding: Any = None) -> Trace:
        """What goes on inside the decoder: attention weights, residual stream, logit lens; `source` has the encoder's.

        In evaluation mode and without gradients. Arguments and errors as of `forward`.
        """
        return trace_both(self, source, target, source_padding, target_padding)

    # --- generating -------------------------------------------------------------------------------------

    def new_cache(self) -> Cache:
        """An empty key/value cache for `decode`."""
        return Cache(self.config.layers)

    def generate(
        self,
        source: Sequence[int] | Any,
        *,
        start: int,
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        stop: int | Iterable[int] | None = None,
        seed: int | None = None,
        cached: bool = True,
    ) -> Iterator[int]:
        """The text that answers a source, token by token as they are drawn.

        source: at least one token, a list, array or Tensor of shape (tokens,).  start: the token that every target
        begins with, which is not part of the answer. The other settings and errors are those of `GPT.generate`.
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
        return one(_answering(self, [source]), self, *padded([[start]]), settings)

    def generate_batch(self, sources: Iterable[Sequence[int] | Any], *, start: int, **settings: Any) -> list[list[int]]:
        """The texts that answer several sources, of any lengths. The settings are those of `generate`."""
        decoder = _answering(self, sources)
        return several(decoder, self, *padded([[start]] * len(decoder.source)), Settings.of(settings))


def _answering(model: EncoderDecoder, sources: Iterable[Sequence[int] | Any]) -> _Answering:
    """Raises IndexError for a token of a source that is not in the vocabulary, ValueError for too long a source."""
    tokens, mask = padded(sources)
    check_vocabulary(tokens, model.config.vocab_size)
    model.source_embedding.checked(tokens)
    return _Answering(model, tokens, mask)


@dataclass
class _Answering:
    """The decoder's half with a source in mind, as something that can be asked for the next token."""

    model: EncoderDecoder
    source: Any  # (batch, source)
    source_padding: Any
    memory: Tensor | None = None

    @property
    def context(self) -> int:
        return self.model.config.context

    @property
    def vocab_size(self) -> int:
        return self.model.config.vocab_size

    def new_cache(self) -> Cache:
        return self.model.new_cache()

    def next_logits(self, tokens: Tensor, padding_mask: Tensor | None, cache: Cache | None) -> Tensor:
        if self.memory is None:
            self.memory = self.model.encode(self.source, self.source_padding)
        x = self.model.decode(tokens, self.memory, padding_mask, self.source_padding, cache)
        return self.model.unembedding(x[..., -1, :])  # type: ignore[no-any-return]
