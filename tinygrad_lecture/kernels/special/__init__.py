"""The error function and the gamma function, with their relatives, from polynomials and series."""
