"""PyTorch: eager, or compiled with torch.compile."""

from __future__ import annotations

from typing import Any

import torch
import workloads
from torch import nn
from torch.nn import functional as F
from workloads import Contest, training


def _load(model: Any, weights: list[Any]) -> None:
    model.load_state_dict(dict(zip(model.state_dict(), map(torch.tensor, weights), strict=True)))


def mlp(work: workloads.MLP, compiled: bool = False) -> Contest:
    layers: list[nn.Module] = []
    for weight, bias in workloads.mlp_weights(work):
        layer = nn.Linear(weight.shape[1], weight.shape[0])
        layer.weight.data, layer.bias.data = torch.tensor(weight), torch.tensor(bias)
        layers += [layer, nn.Sigmoid() if work.activation == "sigmoid" else nn.ReLU()]
    model: Any = nn.Sequential(*(layers if work.activation == "sigmoid" else layers[:-1]))
    parameters = list(model.parameters())
    model = torch.compile(model) if compiled else model
    x, y = map(torch.tensor, workloads.mlp_batch(work))
    loss_function = nn.MSELoss() if work.loss == "squared error" else nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(parameters, 0.1) if work.optimizer == "SGD" else torch.optim.Adam(parameters, 1e-3)
    return training(parameters, optimizer, lambda: loss_function(model(x), y))


def cnn(work: workloads.CNN) -> Contest:
    layers: list[nn.Module] = []
    for n_in, n_out in zip(work.channels, work.channels[1:], strict=False):
        layers += [nn.Conv2d(n_in, n_out, 3), nn.ReLU(), nn.MaxPool2d(2)]
    features, hidden, classes = work.dense
    dense = [nn.Flatten(), nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, classes)]
    model = nn.Sequential(*layers, *dense)
    _load(model, workloads.cnn_weights(work))
    x, y = map(torch.tensor, workloads.cnn_batch(work))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    return training(list(model.parameters()), optimizer, lambda: F.cross_entropy(model(x), y))


def lstm(work: workloads.LSTM) -> Contest:
    embedding, head = nn.Embedding(work.vocabulary, work.width), nn.Linear(work.width, work.vocabulary)
    layers = nn.LSTM(work.width, work.width, work.layers, batch_first=True)
    model = nn.ModuleList([embedding, layers, head])
    _load(model, workloads.lstm_weights(work))
    x, y = map(torch.tensor, workloads.lstm_batch(work))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    return training(
        list(model.parameters()),
        optimizer,
        lambda: F.cross_entropy(head(layers(embedding(x))[0]).flatten(0, 1), y.flatten()),
    )


class Attention(nn.Module):
    def __init__(self, work: workloads.GPT) -> None:
        super().__init__()
        self.heads, self.width = work.heads, work.width
        self.W_QKV = nn.Linear(work.width, 3 * work.width, bias=False)
        self.W_O = nn.Linear(work.width, work.width, bias=False)

    def forward(self, x: Any, cache: Any = None, first: int = 0) -> Any:
        b, t, _ = x.shape
        q, k, v = (part.view(b, t, self.heads, -1).transpose(1, 2) for part in self.W_QKV(x).split(self.width, dim=2))
        if cache is not None:  # keys and values, (2, b, heads, block, head_dim), of which `first` tokens are filled
            cache[0, :, :, first : first + t], cache[1, :, :, first : first + t] = k, v
            k, v = cache[0, :, :, : first + t], cache[1, :, :, : first + t]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=cache is None)
        return self.W_O(y.transpose(1, 2).reshape(b, t, self.width))


class Block(nn.Module):
    def __init__(self, work: workloads.GPT) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(work.width, bias=False), nn.LayerNorm(work.width, bias=False)
        self.attention = Attention(work)
        self.up = nn.Linear(work.width, 4 * work.width, bias=False)
        self.down = nn.Linear(4 * work.width, work.width, bias=False)

    def forward(self, x: Any, cache: Any = None, first: int = 0) -> Any:
        x = x + self.attention(self.norm_1(x), cache, first)
        return x + self.down(F.gelu(self.up(self.norm_2(x))))


class GPT(nn.Module):
    def __init__(self, work: workloads.GPT) -> None:
        super().__init__()
        self.W_E, self.positions = nn.Embedding(work.vocabulary, work.width), nn.Embedding(work.block, work.width)
        self.blocks = nn.ModuleList(Block(work) for _ in range(work.layers))
        self.norm = nn.LayerNorm(work.width, bias=False)
        weights = {name: torch.tensor(array) for name, array in workloads.gpt_weights(work).items()}
        state = {}
        for name, value in weights.items():
            number, _, part = name.rpartition(".")
            if part in ("W_Q", "W_K", "W_V"):
                continue
            part = "attention.W_O" if part == "W_O" else part
            state[f"blocks.{number}.{part}.weight" if number else f"{part}.weight"] = value
        for i in range(work.layers):
            parts = [weights[f"{i}.{name}"] for name in ("W_Q", "W_K", "W_V")]
            state[f"blocks.{i}.attention.W_QKV.weight"] = torch.cat(parts)
        self.load_state_dict(state)

    def forward(self, tokens: Any, caches: Any = None, first: int = 0) -> Any:
        x = self.W_E(tokens) + self.positions(torch.arange(first, first + tokens.shape[1]))
        for i, block in enumerate(self.blocks):
            x = block(x, None if caches is None else caches[i], first)
        return F.linear(self.norm(x), self.W_E.weight)


def gpt(work: workloads.GPT, compiled: bool = False) -> Contest:
    model: Any = GPT(work)
    parameters = list(model.parameters())
    model = torch.compile(model) if compiled else model
    x, y = map(torch.tensor, workloads.gpt_batch(work))
    optimizer = torch.optim.AdamW(parameters, work.learning_rate, work.betas, weight_decay=work.weight_decay)
    return training(
        parameters,
        optimizer,
        lambda: F.cross_entropy(model(x).view(-1, work.vocabulary), y.view(-1)),
        clip=nn.utils.clip_grad_norm_,
    )


def generation(work: workloads.Generation, compiled: bool = False) -> Contest:
    model = GPT(work.model).eval()

    @torch.no_grad()
    def step() -> float:
        gpt = work.model
        caches = torch.zeros(gpt.layers, 2, 1, gpt.heads, gpt.block, gpt.width // gpt.heads)
        token, total = torch.tensor([[1]]), 0
        for position in range(work.tokens):
            token = model(token, caches, position)[:, -1:].argmax(-1)
            total += int(token)
        return float(total)

    return step, None


def pretrained(work: workloads.Pretrained, compiled: bool = False) -> Contest:
    """Hugging Face's model with the same weights, and its cache."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from transformer.pretrained.model import opened

    with opened("smollm2") as source:
        model = LlamaForCausalLM(LlamaConfig(**source.config)).eval()
        model.load_state_dict({name: torch.tensor(source[name]) for name in source}, strict=False)

    @torch.no_grad()
    def step() -> float:
        tokens, cache, total = torch.arange(1000, 1000 + work.prompt)[None], None, 0
        for _ in range(work.tokens):
            out = model(tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
            tokens, cache = out.logits[:, -1:].argmax(-1), out.past_key_values
            total += int(tokens)
        return float(total)

    return step, None


def chain(work: workloads.Chain, compiled: bool = False) -> Contest:
    return workloads.chain(lambda: torch.zeros(1, requires_grad=True), work)
