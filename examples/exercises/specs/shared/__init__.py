"""What the checks of several chapters use.

graphs.py   small computations as text and as graphs
models.py   a small GPT's parameters; checks of functions of Tensors
racing.py   times, compared with the engine's
telling.py  what an exception means in an exercise
tensors.py  right versions of what later chapters use
"""
