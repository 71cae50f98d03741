"""Weights in Hugging Face's format, read and written.

    model = GPT.from_pretrained("gpt2")             # a folder with config.json and model.safetensors
    model.save_pretrained("mine")                   # Hugging Face's GPT2LMHeadModel.from_pretrained("mine") reads it

- model.py: `PretrainedModel`, the base of the families, with both methods
- format.py: `Format`, what a family's file says about its config.json and its tensors
- source.py: `Source`, a config and tensors, wherever they come from
- folder.py: the files of a folder
"""
