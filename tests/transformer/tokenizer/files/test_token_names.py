"""Token names: every byte as a visible letter."""

from transformer.tokenizer.files.token_names import BYTES, LETTERS, spell, unspell


def test_every_byte_has_a_letter_that_can_be_seen():
    assert len(set(LETTERS)) == 256 == len(BYTES)
    assert all(letter.isprintable() and not letter.isspace() for letter in LETTERS)
    assert unspell(spell(bytes(range(256)))) == bytes(range(256))
    assert spell(b" the\n") == "ĠtheĊ"
    assert spell("é\xad".encode()) == "Ã©ÂŃ"
