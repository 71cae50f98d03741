"""Error reporting for nn: input checks shared by layers and losses, and the path of the layer that failed."""
