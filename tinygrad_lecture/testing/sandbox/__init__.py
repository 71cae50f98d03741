"""A process of its own for a submission. The checks, the right results and the verdict stay outside of it.

grader.py    starts the process, checks what comes back, and ends it when its time is over
wire.py      values as bytes, and the submission's functions, called from outside
child.py     what runs in the process: load the files, call what is asked for
wall.py      what the kernel lets the process do; system_calls.txt has the list

What a submission sends are results, nothing else. So it cannot forge a pass, and changes nothing but itself by
replacing a function of NumPy: to pass, it must return what is right for inputs that it does not know before. Whatever
else it sends ends its process, and is the failure of that exercise alone. In the memory of the process are neither
checks nor solutions, nor the engine.

Where the kernel has such a wall, it keeps it from all files but its own and Python's, from other programs and the
network. Elsewhere nothing does. The guarded import is none: it tells a learner which modules an exercise is done with.
"""
