"""Errors name the layer by its path in the model."""

import traceback

import pytest

import nn
import tinygrad_lecture as tl


class Attention(nn.Module):
    def __init__(self, n):
        self.proj = nn.Linear(n, n)

    def forward(self, x):
        return self.proj(x)


class Block(nn.Module):
    def __init__(self, n):
        self.norms = nn.ModuleList([nn.LayerNorm(n)])
        self.attention = Attention(n)

    def forward(self, x):
        return x + self.attention(self.norms[0](x))


class Raises(nn.Module):
    def __init__(self, error):
        self.error = error

    def forward(self, x):
        raise self.error


def test_a_wrong_shape_names_the_layer():
    model = nn.Sequential(nn.ReLU(), nn.Tanh(), Block(64))
    model[2].norms[0] = nn.Identity()
    with pytest.raises(ValueError, match="wanted") as error:
        model(tl.zeros(8, 32))
    assert str(error.value).startswith("in layer 2.attention.proj (Linear): wanted (..., 64), got (8, 32);")
    assert (
        "in layer 2.attention.proj (Linear): wanted (..., 64), got (8, 32)"
        in traceback.format_exception(error.value)[-1]
    )


def test_the_path_includes_lists():
    with pytest.raises(ValueError, match="norms") as error:
        nn.Sequential(Block(64))(tl.zeros(8, 32))
    assert str(error.value) == "in layer 0.norms.0 (LayerNorm): layer_norm: wanted (..., 64), got (8, 32)"


def test_a_layer_alone_is_named_by_its_class():
    for layer, x, message in (
        (nn.Linear(3, 2), tl.zeros(2), "in Linear: wanted (..., 3), got (2,); nn.Linear(2, 2) would fit"),
        (nn.Linear(3, 2), tl.tensor(1.0), "in Linear: wanted (..., 3), got ()"),
        (nn.LayerNorm((2, 3)), tl.zeros(4, 3), "in LayerNorm: layer_norm: wanted (..., 2, 3), got (4, 3)"),
        (nn.RMSNorm(3), tl.zeros(1), "in RMSNorm: rms_norm: wanted (..., 3), got (1,)"),
        (nn.Unflatten(0, (2, 3)), tl.zeros(5), "in Unflatten: cannot split axis 0 of size 5 into (2, 3), got (5,)"),
    ):
        with pytest.raises(ValueError, match="in ") as error:
            layer(x)
        assert str(error.value) == message


def test_type_and_index_errors_too():
    model = nn.Sequential(nn.Embedding(10, 4))
    with pytest.raises(
        TypeError, match=r"^in layer 0 \(Embedding\): embedding: rows must be given as integers, not float32"
    ):
        model(tl.zeros(2))
    with pytest.raises(
        IndexError, match=r"^in layer 0 \(Embedding\): embedding: indices run from -1 to 10, .* rows are 0 to 9$"
    ):
        model(tl.tensor([-1, 10]))


def test_the_engines_message_is_kept():
    class Product(nn.Module):
        def forward(self, x):
            return x @ x

    with pytest.raises(ValueError, match=r"^in layer 0\.1 \(Product\): matmul: \(2, 3\) @ \(2, 3\): the inner sizes"):
        nn.Sequential(nn.Sequential(nn.Identity(), Product()))(tl.zeros(2, 3))


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("x"), ValueError("x", 1), ValueError(), OSError(2, "x")])
def test_other_errors_keep_their_message_and_get_a_note(error):
    before = str(error)
    with pytest.raises(type(error)) as caught:
        nn.Sequential(nn.Sequential(Raises(error)))(1)
    assert caught.value is error
    assert str(error) == before
    assert error.__notes__ == ["in layer 0.0 (Raises)"]


def test_other_notes_are_kept():
    error = RuntimeError("x")
    error.add_note("before")

    class Notes(nn.Module):
        def __init__(self):
            self.inner = Raises(error)

        def forward(self, x):
            try:
                return self.inner(x)
            except RuntimeError:
                error.add_note("after")
                raise

    with pytest.raises(RuntimeError):
        nn.Sequential(Notes())(1)
    assert error.__notes__ == ["before", "in layer 0.inner (Raises)", "after"]


def test_a_shared_layer_has_the_name_of_its_caller():
    first, second = Attention(2), Attention(2)
    second.proj = first.proj
    model = nn.Sequential({"second": nn.Sequential(second), "first": first})
    with pytest.raises(ValueError, match=r"in layer second\.0\.proj \(Linear\)"):
        model(tl.zeros(1, 3))


def test_an_unregistered_module_starts_a_new_path():
    class Hides(nn.Module):
        def __init__(self):
            self.layers = {"inner": nn.Linear(2, 2)}

        def forward(self, x):
            return self.layers["inner"](x)

    with pytest.raises(ValueError, match=r"^in layer 0 \(Hides\): in Linear: wanted \(\.\.\., 2\), got \(1, 3\);"):
        nn.Sequential(Hides())(tl.zeros(1, 3))


def test_a_module_that_calls_itself():
    class Deep(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 2)

        def forward(self, x, depth=3):
            return self(x, depth - 1) if depth else self.layer(x)

    with pytest.raises(ValueError, match=r"^in layer 0\.layer \(Linear\): wanted"):
        nn.Sequential(Deep())(tl.zeros(1, 3))


def test_linear_keeps_messages_about_anything_but_the_shape():
    with pytest.raises(TypeError, match=r"^in Linear: .* not 'words'"):
        nn.Linear(2, 2)("words")
