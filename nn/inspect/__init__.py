"""Looking inside a module: a table of its layers, and a check of its gradients."""
