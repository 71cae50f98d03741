"""Training on several cores, or several machines: the workers share each batch, and train one model together.

A Trainer, or any function that makes one and calls its `fit`, with two workers:

    nn.parallel.run(trainer.fit, workers=2)

Each worker is a process of MPI that runs the whole program, and in it this function. Afterwards worker 0 goes on, and
the others end; they print nothing. The result is that of one worker to rounding, and the same bits each time for a
number of workers. It needs `python -m pip install mpi4py mpich`, or another MPI. The same program runs on several
machines: `mpiexec -n 4 python program.py`.

Every worker takes the same steps. What only one may do, such as writing a file, stands below
`if nn.parallel.rank() == 0`; what all wait for, such as `fit`, must not. `nn.parallel.group().gather(x)` has the x of
each worker. Dropout differs between the workers, and a module that computes statistics of a batch sees its worker's
rows.

This is data parallelism by SPMD, one program on several parts of the data, as MPI programs have it.

    workers.py              run: start the workers, and end them all if one fails; how they wait for each other,
                            exchange objects and add up numbers
    sharing.py              the rows of each batch that are this worker's; one model, whose gradients are added up
"""

from .workers import group, rank, run, size

__all__ = ["group", "rank", "run", "size"]
