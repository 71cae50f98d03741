"""What order and distance do to a bag of words, an RNN, a convolution and attention."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from programs import load, numbers_after, output_of

program = load("16_order_and_memory")


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return output_of(program, out=tmp_path_factory.mktemp("order"), steps=1, lengths=(4,))


def test_a_bag_of_words_and_attention_without_positions_are_blind_to_order(text):
    dog, man = (numbers_after(text, f"\n  the {a} bit the {b} ") for a, b in (("dog", "man"), ("man", "dog")))
    assert dog == man
    assert numbers_after(text, "without positions  outputs differ by ")[0] < 1e-5
    assert numbers_after(text, "with positions     outputs differ by ")[0] > 1e-3


def test_an_rnns_gradient_fades_and_attentions_does_not(text):
    rnn, attention = (numbers_after(text, f"\n  {kind:14}") for kind in ("RNN", "attention"))
    assert rnn == sorted(rnn, reverse=True)
    assert rnn[0] > 1e20 * rnn[-1] > 0
    assert max(attention) < 2 * min(attention)


def test_convolutions_see_six_words_back_and_no_further():
    slopes = program.slopes(program.KINDS["convolution"](program.WIDTH), 10)
    assert (slopes[:7] > 0).all()
    assert (slopes[7:] == 0).all()


def test_the_rnn_is_pytorchs(text):
    tl.manual_seed(0)
    ours = program.RNN(32)
    theirs = program.nn.RNN(32, 32, batch_first=True)
    values = {"weight_ih_l0": ours.W.weight, "bias_ih_l0": ours.W.bias, "weight_hh_l0": ours.U.weight}
    theirs.load_state_dict({**values, "bias_hh_l0": tl.zeros(32)})
    x = tl.randn(2, 5, 32)
    np.testing.assert_allclose(ours(x).detach().numpy(), theirs(x)[0][:, -1].detach().numpy(), atol=1e-5)
