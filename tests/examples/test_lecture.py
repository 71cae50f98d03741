"""What the lecture's programs have in common: numbers in short, and options that do nothing."""

import math

import pytest

from lecture import carry_out, command_line, given, refuse_idle, short


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0, 3, "0.000"),
        (-0.5, 3, "-0.500"),
        (0.001, 3, "0.001"),
        (0.0009, 3, "9.0e-04"),
        (-3.456e-8, 4, "-3.46e-08"),
        (999_999, 2, "999999.00"),
        (1e30, 2, "1.0e+30"),
        (math.inf, 3, "inf"),
        (math.nan, 3, "nan"),
    ],
)
def test_numbers_in_short(value, decimals, text):
    assert short(value, decimals) == text


def test_options_that_are_given_are_told_from_those_that_are_not(capsys):
    parser = command_line("program.py", "What it does.", "out")
    parser.add_argument("--fit-steps", type=int, default=3)
    parser.add_argument("--message", action="append", default=[])
    assert given(parser, []) == set()
    said = given(parser, ["--seed", "0", "--fit-steps", "3", "--message", "a"])
    assert said == {"seed", "fit_steps", "message"}
    refuse_idle(parser, said, ["out"], "here")
    with pytest.raises(SystemExit, match="2"):
        refuse_idle(parser, said, ["out", "seed", "fit_steps"], "when nothing is fitted")
    assert "--seed, --fit-steps: without effect when nothing is fitted; leave them out" in capsys.readouterr().err


def test_a_loss_that_is_no_number_ends_a_program_in_a_line(tmp_path):
    def diverge(options):
        raise FloatingPointError("the loss became nan")

    parser = command_line("program.py", "What it does.", "out")
    with pytest.raises(SystemExit, match=r"^program\.py: the loss became nan$"):
        carry_out(diverge, parser, parser.parse_args(["--out", str(tmp_path)]))
