"""Trainer(..., page=...): one file with what happened in a run, which needs no server."""

import re
import signal
from html import escape

import pytest

import nn
import tinygrad_lecture as tl
from nn.training.run_page import RunPage


def trainer(path, **options):
    model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    data = nn.DataLoader(nn.TensorDataset(tl.randn(16, 2), tl.randint(0, 2, (16,))), batch_size=4)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    return nn.Trainer(
        model, data, nn.CrossEntropyLoss(), optimizer, epochs=3, show=False, page=path, accuracy=True, **options
    )


def test_the_page_has_curves_norms_dead_units_and_histograms(tmp_path):
    t = trainer(tmp_path / "run.html")
    t.fit()
    text = (tmp_path / "run.html").read_text("utf-8")
    for title in ("Loss and accuracy", "Gradients", "Dead units", "Parameters", "0.weight", "step 12 of 12"):
        assert title in text
    assert list(t._page.norms) == ["0", "2"]
    assert [step for step, _ in t._page.norms["2"]] == [4, 8, 12]
    expected = sum(float((p.grad.numpy() ** 2).sum()) for p in t.model[2].parameters()) ** 0.5
    assert t._page.norms["2"][-1] == (12, pytest.approx(expected))


def test_a_unit_is_dead_if_it_is_0_for_the_whole_batch(tmp_path):
    t = trainer(tmp_path / "run.html")
    with tl.no_grad():
        t.model[0].weight.fill_(0.0)
        t.model[0].bias.copy_(tl.tensor([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0]))
    t.optimizer.param_groups[0]["lr"] = 0.0
    t.fit()
    assert t._page.dead == {"1": [(4, 0.25), (8, 0.25), (12, 0.25)]}
    assert not t.model[1].has_hooks
    assert "2 of 8 gave 0 everywhere" in (tmp_path / "run.html").read_text("utf-8")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", t._page._dead_units())
    assert texts[:3] == ["0", "0.5", "1"]  # the axis of a share, whatever the values


def test_after_a_convolution_a_unit_is_a_channel_and_after_a_linear_layer_an_output(tmp_path):
    model = nn.Sequential(
        nn.Conv1d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.ReLU(), nn.Linear(24, 5), nn.ReLU(), nn.Linear(5, 2)
    )
    with tl.no_grad():
        model[0].weight.fill_(0.0)
        model[0].bias.copy_(tl.tensor([1.0, 1.0, -1.0, -1.0]))
    page = RunPage(tmp_path / "run.html")
    with page.watching(model, 1):
        model(tl.rand(10, 1, 8))
    assert [page.dead[path] for path in "13"] == [[(1, 0.5)], [(1, 0.5)]]
    assert page._counts["1"] == "2 of 4 gave 0 everywhere"
    assert page._counts["3"] == "12 of 24 gave 0 everywhere"
    assert page._counts["5"].endswith("of 5 gave 0 everywhere")


def test_the_gradients_are_those_before_clipping(tmp_path):
    norms = {}
    for limit in (None, 1e-3):
        tl.manual_seed(0)
        t = trainer(tmp_path / "run.html", clip_norm=limit)
        t.optimizer.param_groups[0]["lr"] = 0.0
        t.fit()
        norms[limit] = t._page.norms
    assert norms[None] == norms[1e-3]
    text = (tmp_path / "run.html").read_text("utf-8")
    assert "before clipping all of them together to 0.001" in text
    assert "<span>clipped gradient</span>" in text


def test_a_run_that_ctrl_c_stopped_says_so(tmp_path):
    t = trainer(tmp_path / "run.html", on_record=lambda t: t.step == 8 and signal.raise_signal(signal.SIGINT))
    t.fit()
    assert "step 8 of 12. Stopped by Ctrl-C." in (tmp_path / "run.html").read_text("utf-8")


def test_while_it_runs_the_page_loads_itself_again_and_then_no_more(tmp_path):
    seen = []
    t = trainer(tmp_path / "run.html", on_record=lambda _: seen.append((tmp_path / "run.html").read_text("utf-8")))
    t.fit()
    assert ["data-seconds=5" in text for text in seen] == [True, True, False]
    assert "data-seconds=5" not in (tmp_path / "run.html").read_text("utf-8")


def test_a_page_changes_nothing_in_the_run(tmp_path):
    tl.manual_seed(0)
    watched = trainer(tmp_path / "run.html")
    watched.fit()
    tl.manual_seed(0)
    alone = trainer(None)
    alone.fit()
    for a, b in zip(watched.model.parameters(), alone.model.parameters(), strict=True):
        assert a.tolist() == b.tolist()


def test_a_resumed_run_goes_on_with_the_curves_that_it_had(tmp_path):
    pytest.importorskip("safetensors")

    def stop(t):
        if t.step == 8:
            raise KeyboardInterrupt

    tl.manual_seed(0)
    whole = trainer(tmp_path / "whole.html")
    whole.fit()
    tl.manual_seed(0)
    first = trainer(tmp_path / "run.html", folder=tmp_path / "run", save_seconds=0.0, on_record=stop)
    with pytest.raises(KeyboardInterrupt):
        first.fit()
    tl.manual_seed(0)
    resumed = trainer(tmp_path / "run.html", folder=tmp_path / "run")
    resumed.fit(resume=True)
    assert resumed._page.state_dict() == whole._page.state_dict()
    assert [step for step, _ in resumed._page.norms["0"]] == [4, 8, 12]


def test_a_page_may_begin_with_the_resumed_run(tmp_path):
    pytest.importorskip("safetensors")
    first = trainer(None, folder=tmp_path / "run")
    first.steps, first.epochs = 8, None
    first.fit()
    resumed = trainer(tmp_path / "run.html", folder=tmp_path / "run")
    resumed.fit(resume=True)
    assert [step for step, _ in resumed._page.norms["0"]] == [12]
    assert len(resumed.history) == 3


def test_a_layer_that_got_its_first_gradient_late_has_its_curve_where_it_belongs(tmp_path):
    t = trainer(tmp_path / "run.html")
    t.model[0].requires_grad_(False)
    t.on_record = lambda _: t.model[0].requires_grad_(t.step == 4)
    t.fit()
    assert [step for step, _ in t._page.norms["0"]] == [8]
    assert [step for step, _ in t._page.norms["2"]] == [4, 8, 12]


def test_a_path_that_cannot_be_written_is_refused_before_training(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="cannot make the folder"):
        trainer(tmp_path / "file" / "run.html")


def test_the_folder_is_made_and_what_a_killed_run_left_there_is_removed(tmp_path):
    leftover = tmp_path / "pages" / ".run.html-0123abcd"
    leftover.mkdir(parents=True)
    (leftover / "run.html").write_text("half")
    trainer(tmp_path / "pages" / "run.html").fit()
    trainer(tmp_path / "new" / "pages" / "run.html").fit()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["new", "pages", "pages", "run.html", "run.html"]


@pytest.mark.parametrize("row", [0, 1])
def test_a_run_that_diverges_leaves_a_page_that_says_so_and_loads_itself_no_more(tmp_path, row):
    t = trainer(tmp_path / "run.html")

    def diverge(_):
        with tl.no_grad():
            t.model[0].weight.fill_(float("nan"))

    t.on_record = diverge
    if row == 0:
        diverge(t)
    with pytest.raises(FloatingPointError) as raised:
        t.fit()
    text = (tmp_path / "run.html").read_text("utf-8")
    assert f"The run ended here: FloatingPointError, {escape(str(raised.value))}" in text
    assert "data-seconds=5" not in text


def test_a_page_that_cannot_be_written_is_a_warning_and_training_goes_on(tmp_path):
    (tmp_path / "pages").mkdir()
    t = trainer(tmp_path / "pages" / "run.html")
    (tmp_path / "pages").rmdir()
    with pytest.warns(UserWarning, match="Trainer: training goes on without its page: ") as warned:
        t.fit()
    assert len(warned) == 1
    assert t.step == 12


@pytest.mark.browser
def test_the_page_opens_without_a_request_or_complaint(visit, tmp_path):
    trainer(tmp_path / "run.html").fit()
    page = visit(tmp_path / "run.html")
    assert page.locator("svg").count() >= 4
    assert "step 12 of 12" in page.locator("header").inner_text()
