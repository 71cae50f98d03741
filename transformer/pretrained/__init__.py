"""GPT-2's weights: folders in Hugging Face's format, read and written.

    model = GPT.from_pretrained("gpt2")             # a folder with config.json and model.safetensors
    model.save_pretrained("mine")                   # Hugging Face's GPT2LMHeadModel.from_pretrained("mine") reads it

- gpt2.py: config.json as a `GPTConfig`, and back; each tensor's name and layout, and the parameters that it holds
- folder.py: the files of a folder
"""
