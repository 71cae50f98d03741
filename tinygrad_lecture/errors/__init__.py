"""Error messages for users, their words and tables, and names: of arguments in PyTorch, and those that are missing.

messages.py         which op, which shapes, what to do
users_line.py       the user's line: errors show it first, warnings name it
call.py             a call that does not fit a function
kinds.py            errors that are a ValueError or TypeError and a RuntimeError
names.py            a name that a module does not have: where it is
argument_names.py   `dim` and `keepdim` mean `axis` and `keepdims`
words.py            the kind of a value, with its article
table.py            tables as plain text
"""
