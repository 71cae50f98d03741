"""Error messages for users, their words and tables, and PyTorch's names for arguments.

messages.py         which op, which shapes, what to do
users_line.py       the user's line: errors show it first, warnings name it
call.py             a call that does not fit a function
kinds.py            errors that are a ValueError or TypeError and a RuntimeError
argument_names.py   `dim` and `keepdim` mean `axis` and `keepdims`
words.py            the kind of a value, with its article
table.py            tables as plain text
"""
