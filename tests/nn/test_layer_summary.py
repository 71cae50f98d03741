"""summary: a table of layers, shapes and parameters; what notebooks show."""

import doctest

import pytest

import nn
import tinygrad_lecture as tl
from nn import layer_summary


def test_the_example_in_its_docstring():
    example = doctest.DocTestParser().get_doctest(layer_summary.__doc__, {"nn": nn, "tl": tl}, "table", None, None)
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


class Shared(nn.Module):
    def __init__(self):
        self.a = nn.Linear(3, 3)
        self.b = nn.Linear(3, 3)
        self.b.weight = self.a.weight
        self.again = self.a
        self.act = nn.ReLU()
        self.unused = nn.ModuleList([nn.Linear(1, 1)])
        self.scale = nn.Parameter(tl.ones(3))
        self.b.requires_grad_(False)

    def forward(self, x, twice):
        y = self.act(self.b(self.act(self.a(x))))
        y = self.again(y) if twice else y
        return (y[0], [y]), {"loss": y.sum(), "none": None}, "words"


def test_shared_modules_tied_weights_nested_outputs_and_uncalled_layers():
    rows = {row.path: row for row in nn.summary(Shared(), tl.zeros(2, 3), False).rows}
    assert list(rows) == ["", "a", "b", "again", "act", "unused", "unused.0"]
    assert rows[""].output == "(3,), (2, 3), {loss: (), none: None}, str"
    assert [row.parameters for row in rows.values()] == [3, 12, 3, 0, 0, 0, 2]
    assert (rows["b"].note, rows["again"].note, rows["act"].note) == ("b.weight is a.weight", "is a", "called 2 times")
    assert (rows["unused"].output, rows["unused.0"].output) == (None, None)


def test_totals_count_each_parameter_once():
    shown = nn.summary(Shared())
    assert shown.parameters == sum(p.numel() for p in Shared().parameters()) == 20
    assert shown.learnt == 20 - 9 - 3
    assert str(shown).endswith("20 parameters, 8 of them learnt")
    assert {row.output for row in shown.rows} == {None}


def test_modes_hooks_and_random_state_are_restored():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(), Raises())
    model[0].eval()
    state = tl.get_rng_state()
    seen = []
    model[0].register_forward_hook(lambda *call: seen.append(call))
    with pytest.raises(RuntimeError):
        nn.summary(model, tl.zeros(1, 2))
    assert [module.training for module in model.modules()] == [True, False, True, True]
    assert tl.get_rng_state() == state
    assert model[0].has_hooks
    assert not model[1].has_hooks
    assert len(seen) == 1
    assert all(p.grad is None for p in model.parameters())
    assert tl.is_grad_enabled()


class Raises(nn.Module):
    def forward(self, x):
        assert not x.requires_grad
        raise RuntimeError("no")


def test_a_shape_in_place_of_an_input_is_refused():
    with pytest.raises(TypeError, match=r"such as tl.zeros\(1, 2\), not its shape"):
        nn.summary(nn.Linear(2, 3), (1, 2))


def test_names_in_a_module_are_only_text():
    model = nn.ModuleDict({"<script>": nn.Linear(1, 1)})
    assert "<script>" not in model._repr_html_()
