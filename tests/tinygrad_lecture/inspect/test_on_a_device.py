"""Looking inside a computation on a device: everything shown has been copied to the host first."""

import nn
import strict_device  # noqa: F401 - makes device="strict" work
import tinygrad_lecture as tl
from tinygrad_lecture.inspect.explain.walkthrough import walkthrough_of


def test_a_computation_on_a_device_is_explained_and_written_as_a_page(tmp_path):
    x, w = tl.randn(2, 3).to("strict"), tl.randn(3, 2).to("strict").requires_grad_()
    with tl.Graph() as graph:
        C = (tl.sigmoid(x @ w) ** 2).mean()
        C.backward()
        assert "dC/dw = xᵀ @ dC/d#3" in tl.explain(C)
        assert tl.page(C, tmp_path / "page.html").exists()
        walk = walkthrough_of(C)
    assert walk.gradients[graph[w]].tolist() == w.grad.tolist()
    assert "on strict" in w._repr_html_()
    assert "<svg" in graph._repr_html_()


def test_a_step_on_a_device_is_profiled():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).to("strict")
    batches = [(tl.ones(2, 2).to("strict"), tl.ones(2, 1).to("strict"))]
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    trainer = nn.Trainer(model, batches, nn.MSELoss(), optimizer, epochs=2, show=False)
    with tl.profile() as profile:
        trainer.fit()
    assert "linear" in str(profile)
