"""`COURSE`: the exercises, from a neuron to a GPT, in the lecture's order."""

from .specs import learning, lecture, rules, scalars, transformer
from .specs.spec import HERE, Ladder, Spec, chapters, data, number

CHAPTERS = {str(number(name)): chapter["chapter"] for name, chapter in chapters().items()}
CHECKS = {**scalars.CHECKS, **rules.CHECKS, **learning.CHECKS, **transformer.CHECKS, **lecture.CHECKS}
SPECS = [Spec(row, CHECKS[name], transformer.NOTES.get(name)) for name, row in data().items()]
COURSE = Ladder("From a neuron to your own GPT", HERE, [spec.exercise for spec in SPECS])
