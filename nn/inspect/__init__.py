"""Looking inside a module: its table of layers, and whether its gradients are right."""
