"""GPT: decoder-only. Each token attends to itself and the tokens before it, and predicts the next one.

For example:

    model = GPT(GPTConfig(vocab_size=65, context=64, layers=4, heads=4, width=128))
    logits = model(tokens)                          # (batch, tokens) -> (batch, tokens, vocab_size)
    model.loss(tokens, next_tokens).backward()
    for token in model.generate([1, 2, 3], temperature=0.8, top_k=40): ...
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import nn
import tinygrad_lecture as tl
from nn.stateless import evaluating
from tinygrad_lecture import Tensor

from .block import Block, final_norm
from .cache import Cache
from .config import GPTConfig, check_config
from .embedding import Embedding, Unembedding
from .generation.generate import LanguageModel
from .inputs import decoder_inputs
from .pretrained.folder import PretrainedFolder, save_folder
from .trace import Trace, watch
from .training import initialize, token_cross_entropy

__all__ = ["GPT"]


class GPT(LanguageModel):
    """Embedding, `layers` blocks, final norm, unembedding (Radford et al., 2019). Built from a GPTConfig.

    - `checkpoint`: whether backward computes each block again instead of keeping its values (`tl.checkpoint`). That
      saves most of the memory of training, for one more forward pass. It may be set later: `model.checkpoint = True`.
    """

    config: GPTConfig

    def __init__(self, config: GPTConfig, *, checkpoint: bool = False) -> None:
        check_config(self, config, GPTConfig)
        self.config = config
        self.checkpoint = checkpoint
        with nn.init.skip():
            self.embedding = Embedding(config)
            self.blocks = nn.ModuleList([Block(config) for _ in range(config.layers)])
            self.norm = final_norm(config)
            self.unembedding = Unembedding(config.vocab_size, config.width, self.embedding.W_E if config.tied else None)
        initialize(self, config)

    def forward(self, tokens: Any, padding_mask: Any = None, cache: Cache | None = None) -> Tensor:
        """Logits of the next token at each position: (..., tokens) -> (..., tokens, vocab_size).

        - `tokens`: integers, a Tensor, array or list.
        - `padding_mask`: (..., tokens), True for tokens and False for padding, at either end. With a cache it covers
          the cached tokens too; None then keeps their mask and counts the new ones as tokens.
        - `cache`: from `new_cache`; the tokens are appended to it.

        Raises TypeError if tokens are not integers or the mask is not of bools, IndexError for a token outside the
        vocabulary, ValueError for more tokens than the context, a mask of another shape, or a cache of other texts.
        """
        return self.unembedding(self.vectors(tokens, padding_mask, cache))  # type: ignore[no-any-return]

    def vectors(self, tokens: Any, padding_mask: Any = None, cache: Cache | None = None) -> Tensor:
        """The vectors before the unembedding: (..., tokens) -> (..., tokens, width). Arguments: see `forward`."""
        tokens, positions, mask, padding_mask = decoder_inputs(self.embedding, tokens, padding_mask, cache)
        x = self.embedding(tokens, positions)  # (..., tokens, width)
        for layer, block in enumerate(self.blocks):
            if self.checkpoint and cache is None:
                x = tl.checkpoint(block, x, mask, positions)
            else:
                x = block(x, mask, positions, None if cache is None else cache.self_attention[layer])
        if cache is not None:
            cache.commit(tokens.shape[-1], padding_mask)
        return self.norm(x)  # type: ignore[no-any-return]

    def next_logits(self, tokens: Any, padding_mask: Any = None, cache: Cache | None = None) -> Tensor:
        """Logits of the token after the last: (..., tokens) -> (..., vocab_size). Arguments: see `forward`."""
        return self.unembedding(self.vectors(tokens, padding_mask, cache)[..., -1, :])  # type: ignore[no-any-return]

    def loss(self, tokens: Any, targets: Any, padding_mask: Any = None) -> Tensor:
        """The mean cross-entropy of the next tokens.

        - `targets`: (..., tokens), the token after each; -100 is ignored.

        Other arguments and errors: see `forward`.
        """
        return token_cross_entropy(self(tokens, padding_mask), targets)

    # --- from and to files ------------------------------------------------------------------------------

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """A GPT-2 from a folder in Hugging Face's format, in evaluation mode. Nothing is downloaded.

        - `folder`: holds config.json and model.safetensors (or its shards with an index) in float32, float16 or
          bfloat16; all are read as the default dtype. Names may start with `transformer.`; stored causal masks are
          skipped. Of the three dropout probabilities, resid_pdrop is used. `BPETokenizer.from_files(folder)` loads the
          tokenizer.

        Raises FileNotFoundError for a missing file, ImportError without safetensors, and ValueError for a config that
        GPT does not support, for tensors that are missing, unexpected, duplicated or of another shape (all are
        listed), and for a lm_head.weight that differs from wte.weight although config.json ties them.
        """
        opened = PretrainedFolder(folder)
        with nn.init.skip():
            model = cls(opened.config)
        opened.load_weights(model)
        return model.eval()

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors in Hugging Face's format to a folder, which is made if missing.

        A model already in the folder is replaced, shards included. `BPETokenizer.to_files` adds the tokenizer.
        Biases that the model lacks are written as zeros, which is equivalent. Raises ValueError for a model that is
        not a GPT-2: "post" norms, other positions, or a gated FFN.
        """
        save_folder(self, folder)

    # --- looking inside ---------------------------------------------------------------------------------

    def trace(self, tokens: Any, padding_mask: Any = None) -> Trace:
        """Attention weights, residual stream and logit lens of a text, in evaluation mode and without gradients.

        Arguments and errors: see `forward`.
        """
        read_out = nn.Sequential(self.norm, self.unembedding)
        with evaluating(self), watch(tokens, self.embedding, self.blocks, read_out) as trace:
            self(tokens, padding_mask)
        return trace
