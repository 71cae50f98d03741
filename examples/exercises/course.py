"""`COURSE`: the ladder, in the lecture's order."""

from __future__ import annotations

from pathlib import Path

from tinygrad_lecture.testing import Course

from .specs import (
    ch1_neuron,
    ch2_engine,
    ch3_rules,
    ch4_arrays,
    ch5_losses,
    ch6_learning,
    ch7_debugging,
    ch8_parts,
    ch8_stack,
    ch9_gpt,
    ch10_lecture,
)

HERE = Path(__file__).parent
CHAPTERS = {
    "1": "A neuron",
    "2": "The scalar engine",
    "3": "One-line rules",
    "4": "Arrays",
    "5": "Losses",
    "6": "Learning",
    "7": "Debugging",
    "8": "The transformer",
    "9": "Your own GPT",
    "10": "The lecture's exercises",
}

COURSE = Course(
    "From a neuron to your own GPT",
    HERE / "ladder",
    [
        *ch1_neuron.EXERCISES,
        *ch2_engine.EXERCISES,
        *ch3_rules.EXERCISES,
        *ch4_arrays.EXERCISES,
        *ch5_losses.EXERCISES,
        *ch6_learning.EXERCISES,
        *ch7_debugging.EXERCISES,
        *ch8_parts.EXERCISES,
        *ch8_stack.EXERCISES,
        *ch9_gpt.EXERCISES,
        *ch10_lecture.EXERCISES,
    ],
    secret=[str(HERE / "specs")],
)
