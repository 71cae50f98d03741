"""SGD: stochastic gradient descent, one step downhill per mini-batch; with momentum, like a ball that rolls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .optimizer import LIMITS, Group, Optimizer, Params, floats


class SGD(Optimizer, settings_in_groups=True):
    """Stochastic gradient descent, p ← p - lr · d, with the direction d from the gradient g:

        d = g + weight_decay · p
        v ← momentum · v + (1 - dampening) · d          with momentum; in the first step v = d
        d = v,  or  d + momentum · v  with nesterov

    These are PyTorch's formulas (Sutskever et al., ICML 2013, but with lr outside v).
    """

    limits = LIMITS

    def __init__(
        self, params: Params, lr: float = 1e-3, momentum: float = 0.0, dampening: float = 0.0,
        weight_decay: float = 0.0, nesterov: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        """params: see `Optimizer`. A setting is one number for all parameters of a group.

        Raises ValueError for negative settings, and for nesterov without momentum or with dampening.
        """
        settings = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, {**settings, "nesterov": nesterov, "maximize": maximize})

    def complaints(self, group: Group) -> Iterator[str]:
        yield from super().complaints(group)
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            yield "nesterov needs momentum above 0 and dampening 0"

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"momentum_buffer": 0.0} if group["momentum"] else {}

    def update(self, group: Group) -> None:
        lr, momentum, dampening = floats(group, "lr", "momentum", "dampening")
        for t, p, d, *memory in self.pieces(group):
            if momentum:
                (v,) = memory
                v *= momentum
                v += d if t == 1 else (1 - dampening) * d
                d = d + momentum * v if group["nesterov"] else v
            p -= lr * d
