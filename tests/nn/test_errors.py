"""What a learner sees: each usual mistake with nn is named, with the layer and what to write instead."""

import re
import traceback
import weakref

import pytest

import nn
import tinygrad_lecture as tl
from nn import functional as F
from process import no_collector

x, y = tl.ones(4, 3), tl.tensor([0, 1, 2, 1])
model, loss = nn.MLP([3, 5, 3]), nn.CrossEntropyLoss()
optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
data = nn.TensorDataset(x, y)
narrow = nn.Linear(3, 2)  # its bias fits nothing
narrow.bias = nn.Parameter(tl.zeros(5))
loader = nn.DataLoader(data, batch_size=2)


class Silent(nn.Module):
    def forward(self, x):
        x * 2


class Unregistered(nn.Module):
    def __init__(self):
        self.scale = tl.ones(3, requires_grad=True)


class Listed(nn.Module):
    def __init__(self):
        self.layers = [nn.Linear(3, 3)]


def train(model=model, batches=loader, loss=loss, optimizer=optimizer, **options):
    return nn.Trainer(model, batches, loss, optimizer, epochs=1, show=False, **options)


MISTAKES = [
    # optimisers
    (lambda: nn.optim.SGD(0.1, model.parameters()), TypeError, "SGD: give the parameters, as in model.parameters(), n"),
    (lambda: nn.optim.SGD(nn.ReLU().parameters()), ValueError, "in nn.ModuleList, not in plain lists"),
    (lambda: nn.clip_grad_norm_(model, 1.0), TypeError, "clip_grad_norm_: give the parameters, as in model.parameters"),
    (lambda: nn.optim.lr_scheduler.StepLR(optimizer, "10"), ValueError, "step_size must be at least 1, not '10'"),
    (lambda: nn.optim.AdamW(lr=0.1), TypeError, "AdamW: params is missing: AdamW(params)"),
    # layers
    (lambda: nn.Linear(3), TypeError, "Linear: out_features is missing: Linear(in_features, out_features)"),
    (lambda: nn.MLP([784, 5])(tl.ones(2, 28, 28)), ValueError, "write x.reshape(len(x), 784), or put nn.Flatten() fir"),
    (lambda: nn.LayerNorm((2, 2))(tl.ones(5, 4)), ValueError, "wanted (..., 2, 2), got (5, 4); write x.reshape(len(x)"),
    (lambda: nn.MLP(2, 3, 1), TypeError, "MLP: the sizes go into one list: write MLP([2, 3, 1])"),
    (lambda: nn.MLP([2, 1, 1], "relu"), TypeError, "MLP: an activation must be a class such as nn.ReLU, not 'relu'"),
    (lambda: nn.MLP([2, 1, 1], nn.ReLU()), TypeError, "not a ReLU; leave out its parentheses"),
    (lambda: nn.Linear(3, 2.0), TypeError, "Linear: out_features must be an int, not 2.0"),
    (lambda: nn.Linear(3, 2)([1.0, 2.0]), ValueError, "in Linear: "),
    (lambda: narrow(x), ValueError, "in Linear: linear: "),
    (lambda: nn.LayerNorm(4, 3), TypeError, "LayerNorm: eps is a small float, not 3; sizes go into one tuple: LayerNo"),
    (lambda: nn.Dropout("0.5"), TypeError, "Dropout: p must be a probability, a number from 0 to 1, not '0.5'"),
    (lambda: model["0"], TypeError, "indices must be integers or slices, not str"),
    (lambda: F.pad(x, 3), TypeError, "pad: give (before, after) pairs, as in pad(x, (3, 3)) for the last axis, not 3"),
    (lambda: nn.init.xavier_uniform_(model), TypeError, "nn.init: what to fill must be a Tensor, not an MLP"),
    # images and sequences
    (lambda: nn.Conv2d(1, 4, "3"), TypeError, "Conv2d: kernel_size must be an int, or a tuple of 2, not '3'"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "Conv2d: groups=2 must divide both 3 and 4 channels"),
    (lambda: nn.Conv2d(1, 4, 3, 2, "same"), ValueError, 'padding="same" needs a stride of 1, not (2, 2); give numbers'),
    (lambda: nn.Conv2d(1, 4, 3, padding_mode="mirror"), ValueError, "padding_mode must be one of ('zeros', 'reflect',"),
    (lambda: nn.ConvTranspose2d(1, 4, 3, padding_mode="reflect"), TypeError, "no argument padding_mode"),
    (lambda: nn.Conv2d(1, 4, 3)(tl.ones(5, 784)), ValueError, "conv2d: input must be (batch, channels, height, width)"),
    (lambda: nn.Conv1d(1, 4, 3)(tl.ones(5)), ValueError, "not (5,); write x.unsqueeze(0) for its one channel"),
    (lambda: nn.Conv2d(1, 4, 3)(tl.ones(5, 28, 28)), ValueError, "conv2d: a weight of shape (4, 1, 3, 3) wants 1 chan"),
    (lambda: nn.Conv2d(3, 4, 3)(tl.ones(28, 28, 3)), ValueError, "write x.permute(2, 0, 1)"),
    (lambda: nn.Conv2d(1, 4, 5)(tl.ones(2, 1, 4, 4)), ValueError, "a window of (5, 5) does not fit into (4, 4); shr"),
    (lambda: nn.ConvTranspose2d(1, 1, 1, padding=1)(tl.ones(1, 1, 2, 2)), ValueError, "leaves nothing of the result"),
    (lambda: nn.MaxPool2d(x), TypeError, "MaxPool2d is made first and then called: write nn.MaxPool2d()(x)"),
    (lambda: nn.MaxPool2d(3, padding=2)(tl.ones(1, 1, 5, 5)), ValueError, "must be at most half of the window's size,"),
    (lambda: F.kl_div(-x, -x), ValueError, "some are negative; of logarithms, log_target=True"),
    (lambda: F.nll_loss(x * tl.tensor([-5, 3, 1]), y), UserWarning, "never above 0: write F.log_softmax(logits, -1)"),
    (lambda: nn.save_checkpoint("p", model, a=x.numpy()), TypeError, "shape (4, 3), float32: save x.tolist()"),
    (lambda: nn.save_checkpoint("p", model, s=optimizer), TypeError, "not an SGD: save its .state_dict()"),
    (lambda: nn.save_checkpoint(model, "p"), TypeError, "must be a Module, not 'p'; the order is (path, model, opt"),
    (lambda: F.binary_cross_entropy(x, 2 * x), ValueError, "target must be probabilities from 0 to 1"),
    (lambda: nn.init.trunc_normal_(x, 0, -1), ValueError, "trunc_normal_: std must be 0 or more, not -1"),
    (lambda: F.interpolate(tl.ones(1, 1, 2, 2)), ValueError, "interpolate: give either size or scale_factor"),
    (lambda: nn.PixelShuffle(2)(tl.ones(1, 3, 2, 2)), ValueError, "2² must divide the channels of an input of shape ("),
    (lambda: nn.ZeroPad2d((1, 2)), ValueError, "ZeroPad2d: padding must be one int or 4, a pair for each axis from th"),
    (lambda: nn.BatchNorm1d(3)(tl.ones(1, 3)), ValueError, "batch_norm: in training a channel needs two numbers or mo"),
    (lambda: F.batch_norm(x, None, None), ValueError, "without training it needs running_mean and running_var, not No"),
    (lambda: nn.GroupNorm(2, 3), ValueError, "GroupNorm: num_groups=2 must divide num_channels=3"),
    (lambda: nn.InstanceNorm2d(2)(tl.ones(2, 1, 1)), ValueError, "a channel of an image needs two numbers or more, go"),
    # settings without sense
    (lambda: nn.GELU("sigmoid")(x), ValueError, 'gelu: approximate must be "none" or "tanh", not \'sigmoid\''),
    (lambda: nn.BatchNorm1d(3, eps=0)(x), ValueError, "batch_norm: eps must be above 0, not 0"),
    (lambda: nn.init.uniform_(tl.ones(3), 1, 0), ValueError, "uniform_: a must not be above b, but they are 1 and 0"),
    (lambda: nn.AvgPool2d(2, divisor_override=0)(tl.ones(1, 4, 4)), ValueError, "avg_pool2d: divisor_override must no"),
    (lambda: nn.MaxPool2d(2, return_indices=True)(tl.ones(1, 4, 4)), NotImplementedError, "return_indices is not here"),
    # modules that are made first
    (lambda: nn.Sigmoid(inplace=True), TypeError, "Sigmoid: it has no argument inplace: Sigmoid()"),
    (lambda: nn.MSELoss(x, x), TypeError, "MSELoss is made first and then called: write nn.MSELoss()(input, target)"),
    (lambda: nn.Softplus(1, 2, 3), TypeError, "it takes 2 arguments by position, not 3: Softplus(beta, threshold)"),
    (lambda: nn.Unflatten("a", (2, 2))(x), TypeError, "in Unflatten: axis must be an int, such as 0 or -1, not ('a',)"),
    # losses
    (lambda: loss(y, x), ValueError, "are they swapped? The input, the logits, comes first"),
    (lambda: loss(x, y.unsqueeze(1)), ValueError, "got (4, 1) int64; write target.squeeze(1)"),
    (lambda: loss(x, y.float()), ValueError, "targets must be integers (the class of each row), not float32; convert"),
    (lambda: loss(Silent()(x), y), TypeError, "input must be a Tensor, not None; does the model's forward return its"),
    (lambda: nn.MSELoss()(x, y), ValueError, "input (4, 3) and target (4,) must have the same shape; encode class num"),
    (lambda: nn.MSELoss()(x[:, :1], y.float()), ValueError, "must have the same shape; write target.reshape(4, 1)"),
    (lambda: loss(x[:, :1], y), IndexError, "the classes are 0 to 0; for one output, use binary_cross_entropy_with_lo"),
    (lambda: loss(x, y + 1), IndexError, "targets range from 1 to 3, but the classes are 0 to 2; counted from 1? writ"),
    (lambda: loss(x, F.one_hot(y, 3)), ValueError, "; of one-hot rows write target.argmax(1), or target.float() to ta"),
    (lambda: F.cross_entropy(x, y, tl.ones(2)), ValueError, "weight must have one number per class, shape (3,), not "),
    (lambda: F.cross_entropy(x, y, label_smoothing=1.1), ValueError, "label_smoothing must be from 0 to 1, not 1.1"),
    (lambda: F.cross_entropy(x, x, ignore_index=0), ValueError, "ignore_index needs class numbers as target, not prob"),
    (lambda: F.cross_entropy(x.sum(), y), ValueError, "input must have an axis of classes, not shape ()"),
    (lambda: F.nll_loss(-x, y - 1), IndexError, "indices run from -1 to 1, but classes are 0 to 2"),
    (lambda: F.huber_loss(x, x, delta=0), ValueError, "huber_loss: delta must be positive, not 0"),
    (lambda: nn.KLDivLoss("all"), ValueError, 'reduction must be "mean" or "sum" or "none" or "batchmean", not'),
    # training
    (
        lambda: train(batches=nn.DataLoader(nn.TensorDataset(x), 2)).fit(),
        ValueError,
        "Trainer: a batch must be (inputs, targets), not a list of a Tensor of shape (2, 3), float32; of an autoenc",
    ),
    (lambda: train(batches=nn.DataLoader(x, 2)).fit(), ValueError, "(inputs, targets), not a Tensor of shape (2, 3)"),
    (lambda: train(loss=nn.MSELoss), ValueError, "not the class MSELoss; make one, with parentheses: MSELoss(...)"),
    (lambda: train(on_record=[print]), ValueError, "on_record must be a function of the trainer, not a list of a buil"),
    (lambda: train(optimizer="sgd"), ValueError, "optimizer must be an Optimizer, not 'sgd'"),
    (lambda: train(loss=optimizer, optimizer=loss), ValueError, "loss must be a function of (outputs, targets), not a"),
    (
        lambda: train(schedule=nn.optim.lr_scheduler.ReduceLROnPlateau(optimizer)),
        ValueError,
        "ReduceLROnPlateau needs scores, which a Trainer does not give; call its step in on_record",
    ),
    (lambda: train(batches=data), ValueError, "batches is a dataset, which gives single rows; write nn.DataLoader("),
    (lambda: train(batches=x), ValueError, "batches is a Tensor of shape (4, 3), float32, not batches; write nn.DataL"),
    (lambda: train(test=data[:]), ValueError, "test is one batch, not a list of them; put it in a list, as in test=[("),
    (lambda: train(model=nn.MLP([3, 3])), ValueError, "the optimizer has none of the model's parameters; make it with"),
    # data
    (lambda: nn.DataLoader(nn.TensorDataset), TypeError, "such as nn.TensorDataset(x, y), not the class TensorDataset"),
    (lambda: nn.DataLoader((x, y)), TypeError, "put the tensors in a dataset, as in DataLoader(nn.TensorDataset(x, y)"),
    (lambda: nn.DataLoader(data, "2"), TypeError, "DataLoader: batch_size must be an int, not '2'"),
    (lambda: nn.TensorDataset((x, y)), TypeError, "TensorDataset: give Tensors, as in TensorDataset(x, y), not"),
    # states and files
    (lambda: nn.weights.save_file({"model": model.state_dict()}, "m"), TypeError, "save_file: 'model' is a dict, and "),
    (lambda: model.load_state_dict("digits.safetensors"), TypeError, "load_state_dict: the state must be a dict of te"),
    (lambda: model.load_state_dict(model), TypeError, "by name, not an MLP; write model.state_dict()"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISTAKES, ids=[message[:40] for *_, message in MISTAKES])
def test_a_mistake_is_named_with_what_to_write(call, error, message):
    with pytest.raises(error, match=re.escape(message)) as caught:
        call()
    shown = [chained for chained in (caught.value.__cause__, caught.value.__context__) if chained is not None]
    assert caught.value.__suppress_context__ or not shown, "another error stands above"


@pytest.mark.parametrize(
    "call",
    [
        lambda: nn.Sequential(nn.Sequential(nn.Linear(5, 3)))(x),
        lambda: nn.Sequential(nn.Embedding(2, 3))(y),
        lambda: nn.optim.AdamW(model.parameters(), lr="a"),
        lambda: nn.MLP(["2", 3]),
    ],
)
def test_a_notebook_shows_the_users_line_and_the_one_that_raised(call):
    with pytest.raises((ValueError, IndexError, TypeError)) as caught:
        call()
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    shown = [frame for frame in frames[:-1] if not frame.f_locals.get("__tracebackhide__")]
    assert {frame.f_code.co_filename for frame in shown} == {__file__}


def test_an_error_that_was_handled_keeps_no_tensor_alive():
    def failed():
        x = tl.ones(4, 7)
        try:
            nn.Sequential(nn.Sequential(nn.Linear(5, 3)))(x)
        except ValueError:
            return weakref.ref(x)

    with no_collector():
        assert failed()() is None


def test_a_list_of_layers_that_a_model_would_not_train_is_warned_of():
    with pytest.warns(UserWarning, match=r"Listed.layers is a list, .* write nn.ModuleList") as caught:
        Listed()
    assert caught[0].filename == __file__


def test_a_leaf_that_a_model_would_not_train_is_warned_of():
    with pytest.warns(UserWarning, match=r"Unregistered.scale requires grad but is no nn.Parameter") as caught:
        Unregistered()
    assert caught[0].filename == __file__


def test_a_model_that_is_not_frozen_is_warned_of():
    frozen = nn.Linear(2, 1)
    with pytest.warns(UserWarning, match=r"changes nothing; write model.requires_grad_\(False\)") as caught:
        frozen.requires_grad = False
    assert caught[0].filename == __file__
    assert frozen.weight.requires_grad


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


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("x"), ValueError("x", 1), ValueError(), OSError(2, "x")])
def test_other_errors_keep_their_message_and_get_a_note(error):
    before = str(error)
    with pytest.raises(type(error)) as caught:
        nn.Sequential(nn.Sequential(Raises(error)))(1)
    assert caught.value is error
    assert str(error) == before
    assert error.__notes__ == ["in layer 0.0 (Raises)"]


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
