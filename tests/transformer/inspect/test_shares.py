"""The shares of heads, FFNs and embedding add up to the logit, and each is what its part sends to it."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from numeric import assert_close
from small_transformers import PRETRAINED, small, small_gpt2, some_tokens
from transformer import GPT, Encoder, EncoderDecoder, WordTokenizer

TEXT = some_tokens(5)
BIAS_FREE = {  # so that nothing is left beside embedding, heads and FFNs
    **{f"GPT {kind}": (GPT, kind, {}) for kind in ("Llama", "relative", "rotary")},
    "GPT post-norm": (GPT, "post-norm", {"bias": False}),
    "Encoder": (Encoder, "BERT", {"bias": False}),
    "2017": (EncoderDecoder, "2017", {"bias": False}),
    "T5": (EncoderDecoder, "T5", {}),
}


def shares_of(model, token, **settings):
    inputs = [some_tokens(4, seed=1), TEXT] if isinstance(model, EncoderDecoder) else [TEXT]
    return model.trace(*inputs).shares(token, **settings), model.trace(*inputs)["logits"]


@pytest.mark.parametrize(("family", "kind", "changes"), BIAS_FREE.values(), ids=BIAS_FREE)
def test_without_biases_embedding_heads_and_ffns_are_the_whole_logit(family, kind, changes):
    shares, logits = shares_of(small(family, kind, **changes).eval(), 3, position=2)
    assert_close(shares.logit, logits[2, 3], "logit", 1e-12)
    assert abs(shares.biases) < 1e-12
    assert_close(sum(shares.by_part().values()), shares.logit, "sum", 1e-12)
    assert shares.heads.shape == (len(shares.ffns), 2)
    assert shares.cross.shape == (shares.heads.shape if family is EncoderDecoder else (0,))


def test_each_share_of_a_gpt_is_the_product_of_what_was_added_with_the_row_of_W_U():
    model = small(GPT, "GPT-2").eval()
    trace = model.trace(TEXT)
    shares, x, norm = trace.shares(3), trace.residual[-1][-1], model.norm
    gain, bias, row = (p.detach().numpy() for p in (norm.weight, norm.bias, model.unembedding.W_U.weight[3]))
    direction = gain * row / np.sqrt(x.var() + norm.eps)
    direction -= direction.mean()  # the norm subtracts the mean of its input
    constant = bias @ row
    for layer, block in enumerate(model.blocks):
        W_O, b_O = (p.detach().numpy() for p in (block.attention.W_O.weight, block.attention.W_O.bias))
        for head in range(2):
            sent = W_O[:, 2 * head : 2 * head + 2] @ trace[f"blocks.{layer}.attention.heads"][head, -1]
            assert_close(shares.heads[layer, head], sent @ direction, f"head {layer}.{head}", 1e-11)
        assert_close(shares.ffns[layer], trace[f"blocks.{layer}.ffn"][-1] @ direction, "FFN", 1e-11)
        constant += b_O @ direction
    assert_close(shares.embedding, trace["embedding"][-1] @ direction, "embedding", 1e-11)
    assert_close(shares.biases, constant, "biases", 1e-11)


def test_shares_are_of_what_was_traced_also_within_an_edit():
    model = small(GPT, "Llama").eval()
    model.checkpoint = True
    with model.edit({"blocks.0.attention.heads": lambda x: 2 * x}):
        trace = model.trace(TEXT)
    shares = trace.shares(3)
    assert_close(shares.logit, trace["logits"][-1, 3], "logit", 1e-12)
    assert abs(shares.biases) < 1e-12
    with model.edit({"blocks.1": lambda x: x + tl.tensor([2.0, -1, 0, 3])}):
        trace = model.trace(TEXT)
        assert_close(trace.shares(3).logit, trace["logits"][-1, 3], "logit", 1e-12)
    with pytest.raises(ValueError, match="within the same model"):
        trace.shares(3)


def test_a_token_may_be_given_as_text_and_the_largest_share_comes_first():
    model = small_gpt2()
    model.tokenizer = WordTokenizer(list("abcdef"))
    word = model.trace(TEXT).shares(model.tokenizer.decode([3]))
    assert word.by_part() == model.trace(TEXT).shares(3).by_part()
    sizes = list(map(abs, word.by_part().values()))
    assert sizes == sorted(sizes, reverse=True)
    printed = repr(word).splitlines()
    assert len(printed) == len(sizes) + 1 and printed[-1].startswith("logit of")
    assert printed[0].split()[-1] in (30 * "+", 30 * "-")


def test_a_difference_of_shares_is_that_of_two_logits():
    trace = small(GPT, "GPT-2").eval().trace(TEXT)
    difference = trace.shares(3) - trace.shares(5)
    assert_close(difference.logit, trace["logits"][-1, 3] - trace["logits"][-1, 5], "difference", 1e-12)
    assert_close(difference.heads, trace.shares(3).heads - trace.shares(5).heads, "heads", 0)
    assert repr(difference).splitlines()[-1].startswith("logit of '3 - 5'")


def test_a_picture_of_shares(tmp_path):
    pytest.importorskip("matplotlib")
    small(GPT, "GPT-2", layers=8).eval().trace(TEXT).shares(3).draw(tmp_path / "shares.png")
    assert (tmp_path / "shares.png").read_bytes().startswith(b"\x89PNG")


def of_words():
    model = small_gpt2()
    model.tokenizer = WordTokenizer(list("abcdef"))
    return model.trace(TEXT)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: small(GPT, "GPT-2").trace(TEXT).shares("a"), ValueError, "no tokenizer to read 'a'; .*id"),
        (lambda: small(GPT, "GPT-2").trace(TEXT).shares(7), IndexError, "token 7 is not in the vocabulary, 0 to 6"),
        (lambda: small(GPT, "GPT-2").trace(TEXT).shares(1.5), TypeError, "must be an id or a text, got 1.5"),
        (lambda: small(GPT, "GPT-2").trace(TEXT).shares(1, 5), IndexError, "position must be -5 to 4, got 5"),
        (lambda: small(GPT, "GPT-2").trace(some_tokens(2, 3)).shares(1), ValueError, r"one text, got .*\(2, 3\)"),
        (lambda: of_words().shares("a b"), ValueError, "'a b' is not one token, but 2: 'a', 'b'"),
        (lambda: PRETRAINED["BERT"]().trace(TEXT).shares(1), ValueError, "W_U"),
        (lambda: small(EncoderDecoder, "T5").trace(TEXT, TEXT).source.shares(1), ValueError, "W_U"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message), tl.no_grad():
        call()
