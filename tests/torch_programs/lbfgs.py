import torch

x = torch.tensor([-1.2, 1.0], requires_grad=True)
opt = torch.optim.LBFGS([x], lr=0.5, max_iter=10, history_size=5)


def closure():
    opt.zero_grad()
    loss = (1 - x[0]) ** 2 + 5 * (x[1] - x[0] ** 2) ** 2
    loss.backward()
    return loss


for _ in range(8):
    loss = opt.step(closure)
print([round(v, 2) for v in x.tolist()])
