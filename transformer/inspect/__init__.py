"""Looking inside a model: traces of its attention and residual stream, and pictures of them."""
