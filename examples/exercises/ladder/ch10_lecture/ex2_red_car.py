"""10.2  The lecture's exercise: the red car

    "The red car that John bought yesterday broke down on the highway."

Which words should attend to each other strongly? Write for each word the one it looks at
most. There is more than one good answer for some words; the lecture's are shown at the end.

Three heads look for different relations: give each a name and one pair of words of the
sentence, as ("who does it", "John", "bought").
"""

ATTENDS_TO = {
    "red": ...,  # TODO
    "that": ...,  # TODO
    "John": ...,  # TODO
    "bought": ...,  # TODO
    "yesterday": ...,  # TODO
    "broke": ...,  # TODO
}

HEADS = [
    ...,  # TODO
    ...,  # TODO
    ...,  # TODO
]
