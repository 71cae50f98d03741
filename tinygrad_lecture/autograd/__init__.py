"""How a call is recorded and how gradients are computed: Op, the tape with `backward_pass`, modes, version counters."""
