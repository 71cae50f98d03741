"""This project."""

from __future__ import annotations

import workloads
from workloads import Contest, training

import nn
import tinygrad_lecture as tl
import transformer


def mlp(work: workloads.MLP) -> Contest:
    last = nn.Sigmoid if work.activation == "sigmoid" else None
    model = nn.MLP(list(work.sizes), nn.Sigmoid if last else nn.ReLU, last)
    arrays = [array for layer in workloads.mlp_weights(work) for array in layer]
    model.load_state_dict(dict(zip(model.state_dict(), arrays, strict=True)))
    x, y = map(tl.tensor, workloads.mlp_batch(work))
    loss_function = nn.MSELoss() if work.loss == "squared error" else nn.CrossEntropyLoss()
    if work.optimizer == "SGD":
        optimizer: nn.optim.Optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    else:
        optimizer = nn.optim.Adam(model.parameters(), lr=1e-3)
    return training(list(model.parameters()), optimizer, lambda: loss_function(model(x), y))


def cnn(work: workloads.CNN) -> Contest:
    layers: list[nn.Module] = []
    for n_in, n_out in zip(work.channels, work.channels[1:], strict=False):
        layers += [nn.Conv2d(n_in, n_out, 3), nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.MLP(list(work.dense), nn.ReLU))
    model.load_state_dict(dict(zip(model.state_dict(), workloads.cnn_weights(work), strict=True)))
    x, y = map(tl.tensor, workloads.cnn_batch(work))
    optimizer = nn.optim.Adam(model.parameters(), lr=1e-3)
    return training(list(model.parameters()), optimizer, lambda: nn.functional.cross_entropy(model(x), y))


def lstm(work: workloads.LSTM) -> Contest:
    embedding, head = nn.Embedding(work.vocabulary, work.width), nn.Linear(work.width, work.vocabulary)
    layers = nn.LSTM(work.width, work.width, work.layers, batch_first=True)
    model = nn.ModuleList([embedding, layers, head])
    model.load_state_dict(dict(zip(model.state_dict(), workloads.lstm_weights(work), strict=True)))
    x, y = map(tl.tensor, workloads.lstm_batch(work))
    optimizer = nn.optim.Adam(model.parameters(), lr=1e-3)
    return training(
        list(model.parameters()),
        optimizer,
        lambda: nn.functional.cross_entropy(head(layers(embedding(x))[0]).flatten(0, 1), y.flatten()),
    )


def _model(work: workloads.GPT) -> transformer.GPT:
    model = transformer.GPT(
        transformer.GPTConfig(
            vocab_size=work.vocabulary,
            context=work.block,
            layers=work.layers,
            heads=work.heads,
            width=work.width,
            activation="gelu",
            bias=False,
        )
    )
    state = {}
    for name, array in workloads.gpt_weights(work).items():
        number, _, part = name.rpartition(".")
        key = {"W_E": "embedding.W_E", "positions": "embedding.positions", "up": "ffn.up", "down": "ffn.down"}.get(part)
        key = key or (f"attention.{part}" if part.startswith("W_") else part)
        state[f"blocks.{number}.{key}.weight" if number else f"{key}.weight"] = array
    state["unembedding.W_U.weight"] = state["embedding.W_E.weight"]
    model.load_state_dict(state)
    return model


def gpt(work: workloads.GPT) -> Contest:
    model = _model(work)
    x, y = map(tl.tensor, workloads.gpt_batch(work))
    optimizer = nn.optim.AdamW(model.parameters(), work.learning_rate, work.betas, weight_decay=work.weight_decay)
    return training(list(model.parameters()), optimizer, lambda: model.loss(x, y), clip=nn.clip_grad_norm_)


def generation(work: workloads.Generation) -> Contest:
    model = _model(work.model).eval()
    return lambda: float(sum(model.generate([1], max_new_tokens=work.tokens, temperature=0))), None


def pretrained(work: workloads.Pretrained, quantized: bool = False) -> Contest:
    model = transformer.Llama.from_pretrained("smollm2", quantized=quantized)
    prompt = [*range(1000, 1000 + work.prompt)]
    return lambda: float(sum(model.generate(prompt, max_new_tokens=work.tokens, temperature=0))), None


def chain(work: workloads.Chain) -> Contest:
    return workloads.chain(lambda: tl.zeros(1, requires_grad=True), work)
