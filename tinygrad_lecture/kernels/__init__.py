"""Fast array functions, without any knowledge of gradients."""
