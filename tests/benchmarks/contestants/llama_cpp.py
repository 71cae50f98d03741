"""llama.cpp, from the wheel xllamacpp: SmolLM2 from the same file, on two threads.

It computes with 8-bit activations and the file's 4-bit weights, so its texts differ after some tokens.
"""

from __future__ import annotations

import workloads
import xllamacpp
from workloads import Contest

from transformer.pretrained.model import installed

THREADS = 2


def pretrained(work: workloads.Pretrained) -> Contest:
    settings = xllamacpp.CommonParams()
    settings.model.path = str(installed("smollm2"))
    settings.n_ctx, settings.n_parallel, settings.verbosity = work.prompt + work.tokens + 1, 1, 0
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = THREADS
    server = xllamacpp.Server(settings)
    asked = {
        "prompt": list(range(1000, 1000 + work.prompt)),
        "max_tokens": work.tokens,
        "temperature": 0,
        "cache_prompt": False,  # else the prompt is read once for all steps
        "ignore_eos": True,
    }

    def step() -> float:
        answer = server.handle_completions(asked)
        return float(answer["usage"]["completion_tokens"])

    return step, None
