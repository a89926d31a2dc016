"""Several processes that train one model: each sees its part of every batch, and all of them do the same update.

Losses, scores and decisions are made of sums over the whole batch, and such a sum is taken over all processes here; so
they are what one process would get, also where the parts hold different numbers of judged pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class Share:
    """Which of the processes this one is. With more than one, torch's default process group is theirs.

    Args:
        rank: of this process, from 0; the first one decides and keeps what is written.
        world: how many there are.
    """

    rank: int = 0
    world: int = 1

    def of(self, count: int) -> range:
        """The part of `count` things, in their order, that is this process's."""
        return range(count * self.rank // self.world, count * (self.rank + 1) // self.world)

    def total(self, part: Tensor) -> Tensor:
        """The sum over all processes of what each has.

        `DistributedDataParallel` takes the mean of the processes' gradients where their sum is due, so each sends back
        `world` times its own.
        """
        if self.world == 1:
            return part
        total = part.detach().clone()
        distributed.all_reduce(total)
        return total + self.world * (part - part.detach()) if part.requires_grad else total

    def agreed(self, value: float) -> float:
        """What the first process has, for all of them: clocks and signals differ."""
        if self.world == 1:
            return value
        agreed = torch.tensor(value, dtype=torch.float64)
        distributed.broadcast(agreed, 0)
        return agreed.item()

    def joined(self, model: nn.Module) -> nn.Module:
        """The model as it is called in training: its gradients are those of all processes."""
        return model if self.world == 1 else nn.parallel.DistributedDataParallel(model)

    def align(self, model: nn.Module) -> None:
        """Give the statistics of norms, which each process takes over its own part, the first one's values."""
        if self.world > 1:
            for buffer in model.buffers():
                distributed.broadcast(buffer, 0)


ALONE = Share()
"""One process, which sees whole batches."""
