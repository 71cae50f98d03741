"""Module, the base of layers and networks, and Parameter, a tensor that is trained.

tree.py             Parameter; what a module holds: child modules, parameters, buffers, by name
state.py            its tensors by name, saved and loaded
hooks.py            functions that are called with each forward and backward
module.py           Module: the call, and what is done to the whole module at once
function_layer.py   FunctionLayer: a module made of a function and its settings
"""

from .function_layer import FunctionLayer
from .module import Module
from .state import array_of, check_state, misfit
from .tree import Parameter, clear_grad

__all__ = ["FunctionLayer", "Module", "Parameter", "array_of", "check_state", "clear_grad", "misfit"]
