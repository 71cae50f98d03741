"""x.grad_fn: the step that backward starts with, and those that follow."""

import tinygrad_lecture as tl


def test_a_leaf_has_none_and_a_result_its_op():
    w = tl.ones(2, requires_grad=True)
    assert w.grad_fn is None
    assert tl.ones(2).grad_fn is None
    y = (w * 2).sum()
    assert repr(y.grad_fn) == "<sum>"
    ((product, index),) = y.grad_fn.next_functions
    assert (product.name(), index) == ("mul", 0)
    (leaf, _), (constant, _) = product.next_functions
    assert (leaf.name(), leaf.variable, leaf.next_functions, constant) == ("leaf", w, (), None)
    assert y.grad_fn == y.grad_fn
    assert tl.log_softmax(w, 0).grad_fn.name() == "log_softmax"
    assert w[0].grad_fn.name() == "x[index]"


def test_after_backward_a_record_leads_nowhere():
    w = tl.ones(2, requires_grad=True)
    y = (w * w).sum()
    step = y.grad_fn.next_functions[0][0]
    y.backward()
    assert step.next_functions == ()
    assert step.name() == "mul"
