"""Exercises as a course.

exercise.py   `Exercise` and `Course`: files with gaps, checks, solutions
answers.py    the gaps of a file, filled
"""
