"""Error reporting for nn: checks shared by layers and losses, arguments that do not fit, the layer that failed."""
