"""For 11_spam.py and 20_ask_a_human.py.

made.py              messages that the programs make, and disguises
sms.py               a file of messages, the SMS Spam Collection
features.py          messages as rows of numbers
networks.py          a network for each kind of rows
rules.py             rules written by hand
precision_recall.py  counting what went right
report.py            what 11_spam.py prints
pictures.py          its pictures
"""
