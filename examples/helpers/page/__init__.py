"""For 00_engine_on_a_page.py.

report.py    what it prints, among it what the real engine adds and where; its picture
"""
