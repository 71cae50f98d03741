"""Threads that train models of their own at once, or share one that is not trained, compute the bits of one alone."""

import numpy as np

import nn
import tinygrad_lecture as tl
from at_once import at_once
from nn import functional as F
from tinygrad_lecture.random import replay

THREADS = 4


def in_own_stream(i):
    return replay(dict(np.random.PCG64(i).state))


def test_models_of_their_own_are_trained_at_once():
    def train(i):
        with in_own_stream(i):
            model = nn.Sequential(nn.Linear(5, 8), nn.LayerNorm(8), nn.GELU(), nn.Dropout(0.2), nn.Linear(8, 3))
            optimizer = nn.optim.AdamW(model.parameters(), lr=0.01)
            for _ in range(20):
                optimizer.zero_grad()
                F.cross_entropy(model(tl.randn(4, 5)), tl.randint(0, 3, (4,))).backward()
                nn.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
        return [p.tolist() for p in model.parameters()]

    alone = [train(i) for i in range(THREADS)]
    assert at_once(THREADS, train) == alone


def test_gradients_flow_through_a_shared_frozen_model_at_once():
    body = nn.Sequential(nn.Linear(5, 8), nn.LayerNorm(8), nn.Tanh()).requires_grad_(False)
    before = [p.tolist() for p in body.parameters()]

    def train(i):
        with in_own_stream(i):
            x, head = tl.randn(4, 5, requires_grad=True), nn.Linear(8, 1)
            for _ in range(20):
                (head(body(x)).square().mean() + (body[0].weight.T * 0.1).sum()).backward()
            return x.grad.tolist(), head.weight.grad.tolist()

    alone = [train(i) for i in range(THREADS)]
    assert at_once(THREADS, train) == alone
    assert [p.tolist() for p in body.parameters()] == before
