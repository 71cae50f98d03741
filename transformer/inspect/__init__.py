"""Looking inside a model: traces and pictures of them."""
