"""All parameters as one vector, and back."""

import pytest

import nn
import strict_device  # noqa: F401 - makes device="strict" work
import tinygrad_lecture as tl
from nn.utils import parameters_to_vector, vector_to_parameters


def test_there_and_back():
    model = nn.MLP([2, 3, 1])
    vector = parameters_to_vector(model.parameters())
    assert vector.tolist() == [x for p in model.parameters() for x in p.reshape(-1).tolist()]
    vector_to_parameters(vector * 2, model.parameters())
    assert parameters_to_vector(model.parameters()).tolist() == (vector * 2).tolist()


def test_gradients_flow_through_the_vector():
    layer = nn.Linear(2, 1)
    (parameters_to_vector(layer.parameters()) * tl.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert (layer.weight.grad.tolist(), layer.bias.grad.tolist()) == ([[1, 2]], [3])


def test_parameters_keep_their_memory_dtype_and_device():
    p = nn.Parameter(tl.zeros(2, 2, dtype=tl.float64))
    p.data = p.detach().to("strict")
    memory = p.array
    vector_to_parameters(tl.arange(4).float(), [p])
    assert p.array is memory
    assert (p.device, p.dtype, p.cpu().tolist()) == ("strict", tl.float64, [[0, 1], [2, 3]])


def test_a_vector_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"the vector has shape \(4,\), but the parameters have 3 elements"):
        vector_to_parameters(tl.zeros(4), nn.Linear(2, 1).parameters())
    with pytest.raises(TypeError, match=r"parameters_to_vector: give the parameters, as in model.parameters\(\)"):
        parameters_to_vector(nn.Linear(2, 1))
