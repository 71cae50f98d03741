"""For 17_few_shot.py: what it prints and draws, in report.py."""
