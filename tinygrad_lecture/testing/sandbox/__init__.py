"""A process of its own for a submission, with limits on time and memory.

parent.py    starts the process and reads the outcomes
child.py     what runs in it: load the files, check them, report
loading.py   a learner's files as modules, with guarded imports
limits.py    memory, network, files, other programs; changed modules
outcome.py   `Outcome`: passed, or what is wrong

It protects from accidents, and from the usual tricks: an endless loop, a full memory, files written elsewhere, a
patched checker, a forged report. It is no wall against an attacker: whoever knows Python's insides gets around an audit
hook. For files of people you do not know, run the grader in a container or a virtual machine as well.
"""
