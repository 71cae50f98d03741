"""Training on several cores, or several machines: the workers share each batch, and train one model together.

A Trainer, or any other function, with two workers:

    nn.parallel.run(trainer.fit, workers=2)

Each worker is a process of MPI that runs the whole program, and in it this function. Afterwards worker 0 goes on, and
the others end; they print nothing. The result is that of one worker to rounding, and the same bits each time for a
number of workers. It needs `python -m pip install mpi4py mpich`, or another MPI.

A Trainer knows what to do. A loop of your own needs two lines more:

    def train():
        model, loader = ..., nn.DataLoader(data, 128, shuffle=True)
        optimizer = nn.optim.Adam(model.parameters())
        nn.parallel.distribute(model, optimizer)
        for x, y in nn.parallel.shares(loader):             # this worker's rows of each batch
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()         # now p.grad is the mean over the rows of all workers
            optimizer.step()                                # so all workers make the same step
        return model

    model = nn.parallel.run(train, workers=2)

The same program runs on several machines, `mpiexec -n 4 python program.py`, and alone, where these lines change
nothing.

Every worker takes the same steps. What all wait for, such as `backward`, must not stand below
`if nn.parallel.rank() == 0`; what only one may do, such as writing a file, should. `nn.parallel.mean(loss)` is
the loss over all rows, and `nn.parallel.group().gather(x)` has the x of each worker. Dropout differs between the
workers, and a module that computes statistics of a batch sees its worker's rows.

This is data parallelism by SPMD, one program on several parts of the data, as PyTorch's DistributedDataParallel and
MPI programs have it, and a loop stays a loop.

Where things are, in the order of a step:

    workers.py              run: start the workers, and end them all if one fails; how they wait for each other,
                            exchange objects and add up numbers
    distribute.py           the rows of each batch that are this worker's; one model, whose gradients are averaged
"""

from .distribute import distribute, shares
from .workers import group, mean, rank, run, size

__all__ = ["distribute", "group", "mean", "rank", "run", "shares", "size"]
