"""EncoderDecoder: one text in, another out, as in translation (the 2017 transformer, T5, BART).

    model = EncoderDecoder(EncoderDecoderConfig(vocab_size=30, context=16, layers=2, heads=4, width=64))
    logits = model(source, target)                  # (batch, source), (batch, target) -> (batch, target, vocab_size)
    model.loss(source, target, targets)             # target begins with a start token; targets is one token ahead
    for token in model.generate(source_ids, start=1, stop=2): ...

    model = T5.from_pretrained("./t5-small")        # or Bart: a folder with config.json and model.safetensors
    for token in model.generate(source_ids): ...

The encoder's tokens attend to the whole source. The decoder's attend to the target up to themselves, and, by
cross-attention, to the whole source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import nn
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import to_host

from .block import Block, CrossBlock, make_final_norm
from .cache import Cache
from .config import Activation, NormKind, NormPlace, Positions, TransformerConfig, check_config, config_class
from .embedding import Embedding, Unembedding
from .generation import LanguageModel, Prompt, pad_prompts
from .inputs import as_tokens, check_tokens, read
from .inspect.inspectable import Inspectable
from .inspect.trace import Stack, Trace
from .pretrained.format import Format
from .pretrained.model import PretrainedModel
from .training import initialize, token_cross_entropy

__all__ = ["T5", "Bart", "BartConfig", "EncoderDecoder", "EncoderDecoderConfig", "T5Config"]


@config_class
class EncoderDecoderConfig(TransformerConfig):
    """The config of an EncoderDecoder: `layers` blocks each, one vocabulary, one W_E. The defaults are 2017's.

    The other fields, and the errors, are those of `TransformerConfig`.

    - `decoder_layers`: number of the decoder's blocks; 0 becomes `layers`.
    - `start`: the token that every target begins with, `stop`: the one that ends it; None if not known.
    - `forced`: the first token of every target after `start`, which the model does not choose; None if it does.
    """

    vocab_size: int = 37000
    context: int = 512
    layers: int = 6
    heads: int = 8
    width: int = 512
    activation: Activation = "relu"
    norm: NormPlace = "post"
    positions: Positions = "sinusoidal"
    init_std: float | None = None
    decoder_layers: int = 0
    start: int | None = None
    stop: int | None = None
    forced: int | None = None

    def _derived(self) -> dict[str, int]:
        return super()._derived() | {"decoder_layers": self.layers}

    def parameters_by_part(self) -> dict[str, int]:
        """Parameters per part, summed over layers; a decoder block has two attentions."""
        attentions, ffns = self.layers + 2 * self.decoder_layers, self.layers + self.decoder_layers
        return self._parts(attentions=attentions, ffns=ffns, embeddings=2)


class EncoderDecoder(Inspectable):
    """A stack of encoder blocks and one of decoder blocks, sharing W_E (Vaswani et al., arXiv:1706.03762).

    Built from an EncoderDecoderConfig. `T5` and `Bart` are variants with Hugging Face's files.
    """

    config_type: ClassVar[type[TransformerConfig]] = EncoderDecoderConfig
    stack = Stack("target_embedding", "decoder", "decoder_norm", text=1)
    config: Any  # an EncoderDecoderConfig, or a family's

    def __init__(self, config: EncoderDecoderConfig) -> None:
        check_config(self, config)
        self.config = config
        with nn.init.skip():
            self.source_embedding = Embedding(config)
            self.encoder = nn.ModuleList([Block(config) for _ in range(config.layers)])
            self.encoder_norm = make_final_norm(config)
            W_E = self.source_embedding.W_E
            self.target_embedding = Embedding(config, W_E)
            self.decoder = nn.ModuleList([CrossBlock(config) for _ in range(config.decoder_layers)])
            self.decoder_norm = make_final_norm(config)
            self.unembedding = Unembedding(config, W_E)
        initialize(self, config)

    def forward(self, source: Any, target: Any, source_padding: Any = None, target_padding: Any = None) -> Tensor:
        """Logits of the target's next tokens: (..., source), (..., target) -> (..., target, vocab_size).

        - `source`, `target`: integers, Tensors, arrays or lists.
        - `source_padding`, `target_padding`: bools of their shapes, True for tokens and False for padding, at either
          end.

        Raises TypeError if tokens are not integers or a mask is not of bools, IndexError for a token outside the
        vocabulary, ValueError for more tokens than the context, a mask of another shape, or batches that differ.
        """
        memory = self.encode(source, source_padding)  # (..., source, width)
        return self.unembedding(self.decode(target, memory, target_padding, source_padding))  # type: ignore[no-any-return]

    def encode(self, source: Any, source_padding: Any = None) -> Tensor:
        """A contextual vector per source token: (..., source) -> (..., source, width)."""
        text = read(self.source_embedding, source, source_padding)
        x = text.vectors  # (..., source, width)
        for block in self.encoder:
            x = block(x, text.mask, text.bias, text.rotation)
        return self.encoder_norm(x)  # type: ignore[no-any-return]

    def decode(
        self,
        target: Any,
        memory: Tensor,
        target_padding: Any = None,
        source_padding: Any = None,
        cache: Cache | None = None,
    ) -> Tensor:
        """The vectors before the unembedding: (..., target) -> (..., target, width).

        - `memory`: (..., source, width), from `encode`.
        - `cache`: from `new_cache`; the tokens are appended to it. target_padding then covers the cached tokens too;
          None keeps their mask and counts the new ones as tokens.
        - `source_padding`: as given to `encode`; a cache remembers it.

        Raises as `forward` does, and ValueError for a cache of other texts.
        """
        text = read(
            self.target_embedding, target, target_padding,
            decoder=self.decoder, cache=cache, memory=memory, memory_padding=source_padding,
        )  # fmt: skip
        x = text.vectors  # (..., target, width)
        for layer, block in enumerate(self.decoder):
            own, cross = text.keys(layer), text.memory_keys(layer)
            x = block(x, memory, text.mask, text.memory_mask, text.bias, text.rotation, own, cross)
        text.finish()
        return self.decoder_norm(x)  # type: ignore[no-any-return]

    def loss(
        self, source: Any, target: Any, targets: Any, source_padding: Any = None, target_padding: Any = None
    ) -> Tensor:
        """The mean cross-entropy of the target's next tokens.

        - `targets`: (..., target), the token after each of target's; -100 is ignored.
        """
        return token_cross_entropy(self(source, target, source_padding, target_padding), targets)

    def trace(self, source: Any, target: Any, *padding: Any, **more: Any) -> Trace:  # type: ignore[override] # two texts
        """What the model computes at every point while it reads source and target; `source` of it is the encoder's.

        Arguments: see `forward` and `GPT.trace`.
        """
        trace = super().trace(source, target, *padding, **more)
        encoder = Stack("source_embedding", "encoder", "encoder_norm", None)
        return replace(trace, source=replace(trace, tokens=to_host(as_tokens(source).array), stack=encoder))

    # --- generating -------------------------------------------------------------------------------------

    def new_cache(self) -> Cache:
        """An empty key/value cache for `decode`."""
        return Cache(self.config.decoder_layers)

    def generate(self, source: Prompt, *, start: int | None = None, **settings: Any) -> Iterator[int]:
        """Yields the target of a source, token by token.

        - `source`: at least one token, a list, array or Tensor of shape (tokens,).
        - `start`: the token that every target begins with, by default config.start. It is not yielded, nor is the
          config's forced token after it; neither counts among max_new_tokens.
        - `stop`: by default that of the config.

        Other settings and errors: see `GPT.generate`. Raises TypeError without a `start`.
        """
        target = TargetModel(self, [source], self.beginning(start))
        return target.generate(target.prompt, **{"stop": self.config.stop, **settings})

    def generate_batch(
        self, sources: Iterable[Prompt], *, start: int | None = None, **settings: Any
    ) -> list[list[int]]:
        """The targets of several sources, of any lengths, generated in parallel. Settings: see `generate`."""
        target = TargetModel(self, sources, self.beginning(start))
        settings = {"stop": self.config.stop, **settings}
        return target.generate_batch([target.prompt] * len(target.source), **settings)

    def beginning(self, start: int | None) -> list[int]:
        """What every target begins with: the config's start and forced tokens, or another start alone.

        Raises TypeError if neither is known.
        """
        if start is not None:
            return [start]
        if self.config.start is None:
            raise TypeError("generate: give start, the token that every target begins with, as in start=1")
        return [token for token in (self.config.start, self.config.forced) if token is not None]


class TargetModel(LanguageModel):
    """An encoder-decoder's model of the targets of given sources, which are encoded at the first token.

    - `prompt`: what every target begins with.

    Raises IndexError for a token outside the vocabulary, ValueError for a source longer than the context.
    """

    def __init__(self, model: EncoderDecoder, sources: Iterable[Prompt], prompt: list[int]) -> None:
        self.model, self.config = model, model.config
        self.prompt = prompt
        self.source, self.source_padding = pad_prompts(sources)  # (batch, source) each
        self.memory: Tensor | None = None
        check_tokens(model.source_embedding, self.source)

    def new_cache(self) -> Cache:
        """An empty key/value cache."""
        return self.model.new_cache()

    def next_logits(self, tokens: Tensor, padding_mask: Tensor | None = None, cache: Cache | None = None) -> Tensor:
        """Logits of the target's token after the last: (batch, tokens) -> (batch, vocab_size)."""
        if self.memory is None:
            self.memory = self.model.encode(self.source, self.source_padding)  # (batch, source, width)
        x = self.model.decode(tokens, self.memory, padding_mask, self.source_padding, cache)
        return self.model.unembedding(x[..., -1:, :])[..., 0, :]  # type: ignore[no-any-return]


# --- its variants -----------------------------------------------------------------------------------------------


@config_class
class T5Config(EncoderDecoderConfig):
    """The config of a T5 (encoder-decoder). The defaults are those of the small one, with 60 million parameters.

    The other fields, and the errors, are those of `TransformerConfig`.

    - Norm: RMSNorm before each part.
    - Positions: relative, a number per head and distance that is added to the score: see `RelativeBias`. A text may
      be longer than `context`, those of its training; memory grows with the square of its length.
    - FFN: ReLU.
    - Attention: bidirectional; causal and cross in the decoder. Scores are not divided by sqrt(head_dim).
    - No biases.

    T5 1.1 has activation "geglu" (Shazeer, arXiv:2002.05202), tied=False and scaled_logits=False.
    """

    vocab_size: int = 32128
    head_width: int = 64
    norm: NormPlace = "pre"
    norm_kind: NormKind = "rms"
    positions: Positions = "relative"
    scaled_scores: bool = False
    scaled_logits: bool = True
    bias: bool = False
    eps: float = 1e-6
    start: int | None = 0
    stop: int | None = 1


class T5(EncoderDecoder, PretrainedModel):
    """An `EncoderDecoder` with relative positions, RMSNorm before each part, and no biases. Built from a T5Config.

    (Raffel et al., arXiv:1910.10683.)
    """

    config_type = T5Config
    format = Format.of("t5")
    config: T5Config


@config_class
class BartConfig(EncoderDecoderConfig):
    """The config of a Bart (encoder-decoder). The defaults are those of the large one, with 406 million parameters.

    The other fields, and the errors, are those of `TransformerConfig`.

    - Norm: LayerNorm after each sum ("post", as in 2017), and after the embedding.
    - Positions: learned. They count tokens only; those of transformers' BART count padding on the left too.
    - FFN: GELU.
    - Attention: bidirectional; causal and cross in the decoder.
    """

    vocab_size: int = 50265
    context: int = 1024
    layers: int = 12
    heads: int = 16
    width: int = 1024
    activation: Activation = "gelu"
    positions: Positions = "learned"
    logits_bias: bool = True
    embedding_norm: bool = True
    init_std: float | None = 0.02
    start: int | None = 2
    stop: int | None = 2


class Bart(EncoderDecoder, PretrainedModel):
    """An `EncoderDecoder` with learned positions, a norm after the embedding, and biases. Built from a BartConfig.

    (Lewis et al., arXiv:1910.13461.)
    """

    config_type = BartConfig
    format = Format.of("bart")
    config: BartConfig
