import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LambdaLR, MultiStepLR, ReduceLROnPlateau, StepLR

for make in (
    lambda o: StepLR(o, step_size=3, gamma=0.5),
    lambda o: MultiStepLR(o, milestones=[2, 5], gamma=0.1),
    lambda o: ExponentialLR(o, gamma=0.9),
    lambda o: CosineAnnealingLR(o, T_max=8, eta_min=0.001),
    lambda o: LambdaLR(o, lr_lambda=lambda epoch: 1 / (1 + epoch)),
):
    model = nn.Linear(2, 2)
    opt = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = make(opt)
    rates = []
    for _ in range(8):
        model(torch.ones(1, 2)).sum().backward()
        opt.step()
        scheduler.step()
        rates.append(round(scheduler.get_last_lr()[0], 5))
    print(rates)
opt = torch.optim.Adam(nn.Linear(1, 1).parameters(), lr=0.1)
scheduler = ReduceLROnPlateau(opt, mode="min", factor=0.5, patience=1)
for loss in [1.0, 0.9, 0.95, 0.96, 0.97, 0.98, 0.5]:
    scheduler.step(loss)
    print(round(opt.param_groups[0]["lr"], 4))
