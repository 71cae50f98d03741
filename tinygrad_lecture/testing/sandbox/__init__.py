"""A process of its own for a submission. The checks, the right results and the verdict stay outside of it.

grader.py    starts the process, checks what comes back, and says when time is over
wire.py      values as bytes, and the submission's functions, called from outside
child.py     what runs in the process: load the files, call what is asked for
limits.py    time, memory, network, files, other programs

What a submission sends are results, nothing else. So it cannot forge a pass, and changes nothing but itself by
replacing a function of NumPy: to pass, it must return what is right for inputs that it does not know before. Whatever
else it sends ends its process, and is the failure of that exercise alone.

An audit hook, for all threads and from the first of its lines on, keeps it from other programs, the network, and files
that are neither its own nor Python's; a guarded import keeps it from the engine.

What this does not keep out: a submission may get right results in another way than the exercise asks for, and whoever
knows Python's insides gets around hook and guard. Where a course allows `os`, its `stat` tells whether a file exists.
An exercise with `inside=True` is checked in the process of the submission, which can then forge the outcome. For files
of people you do not know, run the grader in a container or a virtual machine.
"""
