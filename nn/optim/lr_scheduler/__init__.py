"""Learning rate schedules: they set the rate of the optimiser's parameter groups, step by step.

    optimizer = nn.optim.AdamW(model.parameters(), lr=3e-4)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, warmup_steps=100, total_steps=5000)
    for x, y in batches:
        ...
        optimizer.step()
        schedule.step()

    plt.plot(schedule.curve(5000))              # the rates, without training

A schedule sets the rate that its formula gives. But where a rate was changed by hand, or by another schedule, it moves
on from there by the same factor, as in PyTorch; so several schedules of one optimiser work together.

base.py        LRScheduler, the base
formulas.py    StepLR, MultiStepLR, ConstantLR, ExponentialLR, LinearLR, PolynomialLR; CosineAnnealingLR,
               CosineAnnealingWarmRestarts, CosineWithWarmup; LambdaLR, MultiplicativeLR
cycles.py      CyclicLR, OneCycleLR
combined.py    SequentialLR, ChainedScheduler
plateau.py     ReduceLROnPlateau
"""

from .base import LRScheduler
from .combined import ChainedScheduler, SequentialLR
from .cycles import CyclicLR, OneCycleLR
from .formulas import (
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CosineWithWarmup,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from .plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CosineWithWarmup",
    "CyclicLR", "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR",
    "OneCycleLR", "PolynomialLR", "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip
