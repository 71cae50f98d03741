"""What a notebook shows: values as HTML that stands alone, for light and dark; `repr` says the same as plain text."""
