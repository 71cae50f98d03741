"""Python that runs in a browser's tab: what the pages of `python -m examples.site` ask it.

Each function takes a request as JSON and returns its answer as JSON; python_worker.js of the site calls it.

course.py    the exercises: a command of the terminal, and what it prints
cells.py     a cell of a notebook: what it shows, or its error
names.py     a GPT that learns names, step by step, by 26_names.py;  scalars.py: its loss with single numbers
"""
