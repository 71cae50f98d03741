"""Module, the base of layers and networks, and Parameter, a tensor that is trained; Buffer, one that is not.

tree.py     Parameter; what a module holds: child modules, parameters, buffers, by name; their state, saved and loaded
hooks.py    functions that are called with each forward and backward
module.py   Module: the call, and what is done to the whole module at once; FunctionLayer, made of a function
"""

from .module import FunctionLayer, Module
from .tree import Buffer, Parameter, clear_grad, misfit

__all__ = ["Buffer", "FunctionLayer", "Module", "Parameter", "clear_grad", "misfit"]
