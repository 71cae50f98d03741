"""`COURSE`: the exercises, from a neuron to a GPT, in the lecture's order."""

from __future__ import annotations

from .specs import learning, lecture, rules, scalars, transformer
from .specs.spec import HERE, Ladder, Spec, data

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
CHECKS = {**scalars.CHECKS, **rules.CHECKS, **learning.CHECKS, **transformer.CHECKS, **lecture.CHECKS}
RACES = {**rules.RACES, **transformer.RACES}
SPECS = [Spec(row, CHECKS[name], RACES.get(name)) for name, row in data().items()]
COURSE = Ladder("From a neuron to your own GPT", HERE, [spec.exercise for spec in SPECS])
