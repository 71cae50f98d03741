"""Every op of the table can be explained and shown, watched or not, and its numbers are the engine's."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import drive
import tinygrad_lecture as tl
from op_table import TABLE, Row
from tinygrad_lecture.inspect.explain.walkthrough import walkthrough_of
from tinygrad_lecture.inspect.page.data import PageData

DIFFERENTIABLE = [row for row in TABLE.values() if row.differentiable]


def loss_of(row: Row, data: st.DataObject) -> tuple[tl.Graph, Any, list[Any]]:
    """A graph, a number that it saw computed with an op on a sample, and the tensors that the number depends on."""
    sample = data.draw(row.samples)
    inputs = drive.tensors(sample.inputs)
    with tl.Graph() as graph:
        outs = drive.differentiable(row.run(inputs, sample.settings))
        loss = sum((o.sum() for o in outs), tl.tensor(0.0, dtype=tl.float64))
    return graph, loss, drive.variables(inputs)


@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=[row.name for row in DIFFERENTIABLE])
@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_op_is_explained_and_shown(row: Row, data: st.DataObject) -> None:
    graph, loss, leaves = loss_of(row, data)
    if not loss.requires_grad:
        return
    text = tl.explain(loss)
    assert text.startswith("Forward")
    walk = walkthrough_of(loss)
    json.dumps(PageData(walk, ()).as_data(), allow_nan=False)
    loss.backward()
    for leaf in leaves:
        vertex = graph.find(leaf)
        if leaf.grad is not None and vertex is not None:
            np.testing.assert_array_equal(walk.gradients[vertex], leaf.grad.numpy())
