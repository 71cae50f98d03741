"""Grading and packing, for teachers.

grading.py    a submission's points
reports.py    the points as text, as JUnit XML and as JSON
packing.py    a course as a folder for students and one for the grader
commands.py   `python -m tinygrad_lecture.testing`
"""
