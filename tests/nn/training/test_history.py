"""A history printed, and its picture: the curves, and the labels at their ends."""

import pytest

import nn
from nn.training.evaluation import Scores


def history(*losses, accuracy=None, test=True):
    """A history with these test losses, and training losses twice as large."""
    return nn.History(
        [
            nn.HistoryRow(i + 1, i + 1, Scores(2 * loss, accuracy), Scores(loss, accuracy) if test else None, 0.1, 1.0)
            for i, loss in enumerate(losses)
        ]
    )


@pytest.mark.parametrize(
    ("loss", "label"), [(1.9037, "1.90"), (0.9, "0.900"), (0.01234, "0.0123"), (123.4, "123"), (0.0, "0.00")]
)
def test_the_last_loss_is_labelled_with_three_digits(loss, label):
    (axes,) = history(3.0, loss).figure().axes
    assert [text.get_text() for text in axes.texts] == [label]


def test_there_are_a_training_and_a_test_curve():
    axes = history(3.0, 2.0, accuracy=0.5).figure().axes
    assert [each.get_title() for each in axes] == ["loss", "accuracy"]
    train, test = ([*line.get_ydata()] for line in axes[0].get_lines())
    assert (train, test) == ([6.0, 4.0], [3.0, 2.0])
    assert [text.get_text() for text in axes[1].texts] == ["50.0%"]
    (axes,) = history(3.0, 2.0, test=False).figure().axes
    assert [[*line.get_ydata()] for line in axes.get_lines()] == [[6.0, 4.0]]


def test_an_empty_history_has_no_picture():
    with pytest.raises(ValueError, match="the history is empty"):
        nn.History().figure()


def test_a_history_is_printed_as_a_table_with_a_line_per_row():
    known = nn.History()
    for row in history(3.0, 2.0, 2.5, accuracy=0.5):
        known.add(row)
    assert str(known).split("\n") == [
        "step 1  epoch 1  loss 6.0000   accuracy 50.0%   test loss 3.0000   accuracy 50.0%",
        "step 2  epoch 2  loss 4.0000   accuracy 50.0%   test loss 2.0000   accuracy 50.0%  best",
        "step 3  epoch 3  loss 5.0000   accuracy 50.0%   test loss 2.5000   accuracy 50.0%",
    ]
    assert repr(known) == str(known)
    assert repr(nn.History()) == "an empty history"
