"""Learning rate schedules: they set the rate of the optimiser's parameter groups, step by step.

    optimizer = nn.optim.AdamW(model.parameters(), lr=3e-4)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, warmup_steps=100, total_steps=5000)
    for x, y in batches:
        ...
        optimizer.step()
        schedule.step()

    plt.plot(schedule.curve(5000))              # the rates, without training

A schedule knows its formula, but most compute the next rate from the one that the groups have now, as in PyTorch. So a
rate that is changed by hand stays changed, and several schedules of one optimiser work together.

base.py        LRScheduler, and Multiplied: schedules that multiply the rate
stepwise.py    StepLR, MultiStepLR, ConstantLR
smooth.py      ExponentialLR, LinearLR, PolynomialLR
cosine.py      CosineAnnealingLR, CosineAnnealingWarmRestarts, CosineWithWarmup
cycles.py      CyclicLR, OneCycleLR
functions.py   LambdaLR, MultiplicativeLR
combined.py    SequentialLR, ChainedScheduler
plateau.py     ReduceLROnPlateau
arguments.py   checks of their arguments
"""

from .base import LRScheduler
from .combined import ChainedScheduler, SequentialLR
from .cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts, CosineWithWarmup
from .cycles import CyclicLR, OneCycleLR
from .functions import LambdaLR, MultiplicativeLR
from .plateau import ReduceLROnPlateau
from .smooth import ExponentialLR, LinearLR, PolynomialLR
from .stepwise import ConstantLR, MultiStepLR, StepLR

__all__ = [
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CosineWithWarmup",
    "CyclicLR", "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR",
    "OneCycleLR", "PolynomialLR", "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip
