"""What a notebook shows of models, training and data, and the plain text that says the same."""

import re
import sys
import types

import nn
import tinygrad_lecture as tl
from nn.training.progress import Cell, choose_display


def texts(html):
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def trained(**options):
    model = nn.MLP([2, 3, 2])
    data = nn.DataLoader(nn.TensorDataset(tl.randn(8, 2), tl.randint(0, 2, (8,))), batch_size=4)
    trainer = nn.Trainer(
        model, data, nn.CrossEntropyLoss(), nn.optim.SGD(model.parameters(), lr=0.1), epochs=3, show=False, **options
    )
    trainer.fit()
    return trainer


def test_a_module_is_a_tree_that_folds():
    html = nn.MLP([2, 3, 1])._repr_html_()
    assert "MLP 13 parameters" in texts(html)
    assert "weight (3, 2) 6 learnt" in texts(html)
    assert html.count("<details") == 3


def test_a_tied_parameter_counts_once_and_says_what_it_is():
    model = nn.Sequential(nn.Embedding(5, 4), nn.Sequential(nn.Linear(4, 5, bias=False)))
    model[1][0].weight = model[0].weight
    text = texts(model._repr_html_())
    assert "Sequential 20 parameters 0: Embedding(5, 4) 20 parameters" in text
    assert "1: Sequential() shared parameters 0: Linear(in_features=4, out_features=5, bias=False) shared" in text
    assert "weight (5, 4) 0 is 0.weight" in text


def test_names_in_a_module_are_only_text():
    model = nn.ModuleDict({"<script>": nn.Linear(1, 1)})
    assert "<script>" not in model._repr_html_()


def test_a_summary_is_a_table_with_its_total():
    html = nn.summary(nn.MLP([2, 3, 1]), tl.zeros(5, 2))._repr_html_()
    assert "0 Linear (5, 3) 9" in texts(html)
    assert "13 parameters, all of them learnt" in texts(html)


def test_a_history_is_curves_and_rows():
    history = trained(accuracy=True).history
    html = history._repr_html_()
    assert html.count("<svg") == 2  # loss and accuracy
    assert "loss" in texts(html)
    assert "an empty history" in nn.training.history.History()._repr_html_()


def test_a_trainer_says_how_far_it_is():
    trainer = trained()
    assert "step 6 of 6" in texts(trainer._repr_html_())
    assert repr(trainer).split("\n")[1] == "  model      MLP, 17 parameters"


def test_a_loader_says_how_it_makes_batches():
    loader = nn.DataLoader(nn.TensorDataset(tl.zeros(10, 2)), batch_size=4, shuffle=True)
    assert "shuffled in every epoch" in texts(loader._repr_html_())
    assert repr(loader).split("\n") == [
        "DataLoader",
        "  dataset              TensorDataset, 10 rows",
        "  batch size           4",
        "  order                shuffled in every epoch",
        "  batches in an epoch  3",
    ]


def test_a_loader_of_a_stream_shows_too():
    class Stream(nn.data.IterableDataset):
        def __iter__(self):
            return iter(range(3))

    assert "Stream" in repr(nn.DataLoader(Stream(), batch_size=2))


def test_in_a_notebook_the_progress_bar_is_one_output_that_changes(monkeypatch):
    shown = []

    class Handle:
        def update(self, html):
            shown.append(html)

    display = types.ModuleType("IPython.display")
    display.HTML = lambda text: text
    display.display = lambda html, display_id: shown.append(html) or Handle()
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    bar = choose_display(10)
    assert isinstance(bar, Cell)
    with bar:
        bar.record(5, "loss <b>")
        bar.record(10, "loss 1")
    assert len(shown) == 2
    assert 'value="5" max="10"' in shown[0]
    assert "loss &lt;b&gt;" in shown[0]
