import math
from dataclasses import dataclass
from typing import Optional, Tuple

import torch
import torch.nn.functional as F
from fixed import fill
from torch import Tensor, nn


@dataclass
class ModelArgs:
    dim: int = 16
    n_layers: int = 2
    n_heads: int = 4
    n_kv_heads: Optional[int] = 2
    vocab_size: int = 20
    norm_eps: float = 1e-5
    max_seq_len: int = 32


class RMSNorm(nn.Module):
    def __init__(self, dim: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        normed = x.float() * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + self.eps)
        return normed.type_as(x) * self.weight


def precompute_freqs(dim: int, end: int, theta: float = 10000.0):
    freqs = 1.0 / (theta ** (torch.arange(0, dim, 2)[: (dim // 2)].float() / dim))
    freqs = torch.outer(torch.arange(end, device=freqs.device), freqs).float()
    return torch.cos(freqs), torch.sin(freqs)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    real, imaginary = x.float().reshape(x.shape[:-1] + (-1, 2)).unbind(-1)
    cos, sin = cos.view(1, cos.shape[0], 1, -1), sin.view(1, sin.shape[0], 1, -1)
    return torch.stack([real * cos - imaginary * sin, real * sin + imaginary * cos], dim=-1).flatten(3).type_as(x)


def repeat_kv(x: Tensor, n_rep: int) -> Tensor:
    bs, slen, n_kv, hd = x.shape
    return x[:, :, :, None, :].expand(bs, slen, n_kv, n_rep, hd).reshape(bs, slen, n_kv * n_rep, hd)


class Attention(nn.Module):
    def __init__(self, args: ModelArgs):
        super().__init__()
        self.n_heads, self.n_kv, self.hd = args.n_heads, args.n_kv_heads or args.n_heads, args.dim // args.n_heads
        self.wq = nn.Linear(args.dim, args.n_heads * self.hd, bias=False)
        self.wk = nn.Linear(args.dim, self.n_kv * self.hd, bias=False)
        self.wv = nn.Linear(args.dim, self.n_kv * self.hd, bias=False)
        self.wo = nn.Linear(args.n_heads * self.hd, args.dim, bias=False)

    def forward(self, x, cos, sin, mask, past: Optional[Tuple[Tensor, Tensor]] = None):
        B, T, _ = x.shape
        q = rotate(self.wq(x).view(B, T, self.n_heads, self.hd), cos, sin)
        k = rotate(self.wk(x).view(B, T, self.n_kv, self.hd), cos, sin)
        v = self.wv(x).view(B, T, self.n_kv, self.hd)
        if past is not None:
            k, v = torch.cat([past[0], k], dim=1), torch.cat([past[1], v], dim=1)
        present, n_rep = (k, v), self.n_heads // self.n_kv
        q, k, v = (t.transpose(1, 2) for t in (q, repeat_kv(k, n_rep), repeat_kv(v, n_rep)))
        scores = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(self.hd)
        if mask is not None:
            scores = scores + mask
        out = torch.matmul(F.softmax(scores.float(), dim=-1).type_as(q), v)
        return self.wo(out.transpose(1, 2).contiguous().view(B, T, -1)), present


class Block(nn.Module):
    def __init__(self, args: ModelArgs):
        super().__init__()
        self.attention = Attention(args)
        self.w1, self.w3 = nn.Linear(args.dim, 24, bias=False), nn.Linear(args.dim, 24, bias=False)
        self.w2 = nn.Linear(24, args.dim, bias=False)
        self.attention_norm, self.ffn_norm = RMSNorm(args.dim, args.norm_eps), RMSNorm(args.dim, args.norm_eps)

    def forward(self, x, cos, sin, mask, past=None):
        attended, present = self.attention(self.attention_norm(x), cos, sin, mask, past)
        h = x + attended
        normed = self.ffn_norm(h)
        return h + self.w2(F.silu(self.w1(normed)) * self.w3(normed)), present


class Transformer(nn.Module):
    last_loss: Optional[Tensor]

    def __init__(self, params: ModelArgs):
        super().__init__()
        self.params, self.last_loss = params, None
        self.tok_embeddings = nn.Embedding(params.vocab_size, params.dim)
        self.layers = torch.nn.ModuleList()
        for _ in range(params.n_layers):
            self.layers.append(Block(params))
        self.norm = RMSNorm(params.dim, eps=params.norm_eps)
        self.output = nn.Linear(params.dim, params.vocab_size, bias=False)
        self.tok_embeddings.weight = self.output.weight
        cos, sin = precompute_freqs(params.dim // params.n_heads, params.max_seq_len)
        self.register_buffer("freqs_cos", cos, persistent=False)
        self.register_buffer("freqs_sin", sin, persistent=False)

    def forward(self, tokens, targets=None, past=None):
        _, T = tokens.shape
        start = 0 if past is None else past[0][0].shape[1]
        h, presents, mask = self.tok_embeddings(tokens), [], None
        cos, sin = self.freqs_cos[start : start + T], self.freqs_sin[start : start + T]
        if T > 1:
            mask = torch.full((1, 1, T, T), float("-inf"), device=tokens.device)
            mask = torch.triu(mask, diagonal=start + 1).type_as(h)
        for i, layer in enumerate(self.layers):
            h, present = layer(h, cos, sin, mask, None if past is None else past[i])
            presents.append(present)
        logits = self.output(self.norm(h) if targets is not None else self.norm(h)[:, [-1], :])
        if targets is not None:
            self.last_loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)
        return logits, presents


model = fill(Transformer(ModelArgs()), 0.25)
data = (torch.arange(11).repeat(20) * 3) % 17 + 3
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.95), weight_decay=0.1)
for it in range(24):
    ix = [(it * 7 + 13 * k) % (len(data) - 13) for k in range(4)]
    x, y = torch.stack([data[i : i + 12] for i in ix]), torch.stack([data[i + 1 : i + 13] for i in ix])
    model(x, y)
    optimizer.zero_grad(set_to_none=True)
    model.last_loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if it % 6 == 5:
        print(f"iter {it}: loss {model.last_loss.item():.4f}")
model.eval()
print(sum(p.numel() for p in model.parameters()), "freqs_cos" in model.state_dict())
with torch.inference_mode():
    full, _ = model(x[:1])
    logits, past = model(x[:1, :5])
    for t in range(5, 12):
        logits, past = model(x[:1, t : t + 1], past=past)
    print(torch.allclose(full, logits, atol=1e-5), past[0][0].shape)


@torch.no_grad()
def generate(idx, n, penalty=1.3):
    past, cur = None, idx
    for _ in range(n):
        logits, past = model(cur, past=past)
        logits = logits[:, -1, :] / 0.8
        score = torch.gather(logits, 1, idx)
        logits.scatter_(1, idx, torch.where(score < 0, score * penalty, score / penalty))
        sorted_logits, sorted_indices = torch.sort(logits, descending=True)
        remove = torch.cumsum(F.softmax(sorted_logits, dim=-1), dim=-1) > 0.9
        remove[..., 1:] = remove[..., :-1].clone()
        remove[..., 0] = 0
        logits[remove.scatter(1, sorted_indices, remove)] = -float("Inf")
        cur = logits.argmax(dim=-1, keepdim=True)
        idx = torch.cat([idx, cur], dim=-1)
    return idx


print(generate(x[:2, :4], 6))
