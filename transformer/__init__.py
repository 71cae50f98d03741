"""transformer: language models, composed from `nn` and the engine's ops alone.

The rooms of this floor (tokenizer, embedding, attention, FFN, unembedding, three architectures) are still to be built.
"""

from tinygrad_lecture.foreign import require_own

require_own("nn")  # a student's own nn.py beside the program would otherwise be found in its place
