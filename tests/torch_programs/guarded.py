import contextlib
import tempfile

import torch
import torch.distributed as dist
import torch.fx
import torch.hub
import torch.jit
import torch.multiprocessing as mp
import torch.nn as nn
import torch.onnx
import torch.profiler
from fixed import fill, wave
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.nn.parallel import DistributedDataParallel as DDP
from torch.profiler import ProfilerActivity, profile, record_function
from torch.utils.data.distributed import DistributedSampler

try:
    from torch.utils.tensorboard import SummaryWriter
except ImportError:
    SummaryWriter = None

ddp = dist.is_available() and dist.is_initialized()
rank = dist.get_rank() if ddp else 0


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scales = nn.ParameterList([nn.Parameter(torch.ones(3)) for _ in range(2)])
        self.linear = nn.Linear(3, 2)
        self.drop = nn.Dropout2d(0.0)

    def forward(self, x):
        for scale in self.scales:
            x = torch.tanh(x * scale)
        if not torch.jit.is_scripting():
            x = self.drop(x)
        return self.linear(x)


with torch.device("cpu"):
    model = fill(Net())
    x, y = wave(6, 3), torch.tensor([0, 1, 0, 1, 1, 0])
if ddp:
    model = DDP(model)
raw = model.module if isinstance(model, (DDP, FullyShardedDataParallel)) else model
sampler = DistributedSampler([1, 2]) if ddp else None
optimizer = torch.optim.SGD(raw.scales, lr=0.5)
optimizer.add_param_group({"params": raw.linear.parameters(), "lr": 0.1})
writer = SummaryWriter(tempfile.mkdtemp()) if SummaryWriter else None
dtype = "bfloat16" if torch.cuda.is_available() else "float32"
ptdtype = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[dtype]
context = torch.autocast("cuda", dtype=ptdtype) if dtype != "float32" else contextlib.nullcontext()
with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as prof:
    for step in range(5):
        with record_function("step"), context, torch.autocast("cpu", enabled=False):
            loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if writer is not None:
            writer.add_scalar("Loss/train", loss, step)
            writer.add_scalars("both", {"a": loss.item(), "b": 0.5}, step)
        prof.step()
        if rank == 0:
            print(step, f"{loss.item():.4f}")
if writer is not None:
    writer.close()
table = prof.key_averages().table(sort_by="cpu_time_total", row_limit=5)
print(len(table) > 100, torch.bfloat16, ptdtype, mp.cpu_count() > 0)
print([scale.sum() for scale in raw.scales])
