"""What a part of a model does: its share of a logit, and the corrupted text with points of the clean one."""

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
        (lambda: of_words().shares("a b"), ValueError, "'a b' is 2 tokens, 'a', 'b'"),
        (lambda: PRETRAINED["BERT"]().trace(TEXT).shares(1), ValueError, "W_U"),
        (lambda: small(EncoderDecoder, "T5").trace(TEXT, TEXT).source.shares(1), ValueError, "W_U"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message), tl.no_grad():
        call()


# --- patching -------------------------------------------------------------------------------------------------


CLEAN, CORRUPTED = some_tokens(5), some_tokens(5, seed=1)


def score(logits):
    return logits[-1, 2] - logits[-1, 4]


def test_the_last_blocks_residual_stream_carries_all_at_the_last_token():
    model = small(GPT, "Llama").eval()
    whole = model.patch(CLEAN, CORRUPTED, score)
    assert list(whole.points) == ["blocks.0", "blocks.1"] and whole.scores.shape == (2, 1)
    assert_close(whole.scores, np.full((2, 1), whole.clean), "patched whole", 1e-12)
    rows = repr(whole).splitlines()
    assert rows[1].split() == ["blocks.0", f"{whole.clean:.2f}"]
    assert rows[-1] == f"clean {whole.clean:.2f}, corrupted {whole.corrupted:.2f}"
    by_token = model.patch(CLEAN, CORRUPTED, score, each="token")
    wanted = [*[whole.corrupted] * 4, whole.clean]
    assert_close(by_token.scores[1], np.array(wanted), "the last block by token", 1e-12)
    assert abs(by_token.scores[0, 0] - whole.corrupted) > 1e-6


def test_a_head_is_patched_alone():
    model = small(GPT, "GPT-2").eval()
    patched = model.patch(CLEAN, CORRUPTED, score, "blocks.*.attention.heads", each="head")
    assert patched.scores.shape == (2, 2)
    clean = model.trace(CLEAN)["blocks.1.attention.heads"]

    def second(x):
        x[1] = clean[1]
        return x

    with model.edit({"blocks.1.attention.heads": second}):
        assert_close(patched.scores[1, 1], score(model.trace(CORRUPTED)["logits"]), "head 1 of block 1", 1e-12)


def test_an_encoder_decoder_is_patched_with_pairs():
    model = small(EncoderDecoder, "2017").eval()
    patched = model.patch((CLEAN, [1, 2]), (CORRUPTED, [1, 2]), score, ["encoder.1", "decoder.*.cross"])
    assert_close(patched.scores[0, 0], patched.clean, "all that the source says", 1e-12)
    assert patched.points == ["encoder.1", "decoder.0.cross", "decoder.1.cross"]
    assert model.patch((CLEAN, [1, 2]), (CORRUPTED, [1, 2]), score).points == ["decoder.0", "decoder.1"]


@pytest.mark.parametrize(
    ("texts", "settings", "error", "message"),
    [
        ((CLEAN, CORRUPTED[:3]), {}, ValueError, r'as many tokens, but "blocks.0" is \(5, 4\)'),
        ((CLEAN[None], CORRUPTED[None]), {}, ValueError, r"a clean and a corrupted text, got \(1, 5\)"),
        ((CLEAN, CORRUPTED), {"each": "head"}, ValueError, '"blocks.0" of shape .5, 4. has no heads'),
        ((CLEAN, CORRUPTED), {"points": "blocks.*.head"}, KeyError, "no point"),
        ((CLEAN, CORRUPTED), {"points": []}, ValueError, "needs a point"),
        ((CLEAN, CORRUPTED), {"each": "tokens"}, ValueError, 'each must be "token", "head" or None, got .tokens'),
    ],
)
def test_patches_that_are_refused(texts, settings, error, message):
    with pytest.raises(error, match=message):
        small(GPT, "GPT-2").patch(*texts, score, **settings)


def test_points_with_different_numbers_of_heads_are_told_before_the_first_run():
    with pytest.raises(ValueError, match="different numbers of heads"):
        small(GPT, "Llama").patch(
            CLEAN, CORRUPTED, score, ["blocks.0.attention.queries", "blocks.0.attention.keys"], "head"
        )


def test_a_score_that_is_no_number_and_a_model_without_logits_are_refused():
    with pytest.raises(ValueError, match="score must return one number"):
        small(GPT, "GPT-2").patch(CLEAN, CORRUPTED, lambda logits: logits[-1])
    with pytest.raises(ValueError, match="a model with logits"):
        PRETRAINED["BERT without head"]().patch(CLEAN, CORRUPTED, score)
