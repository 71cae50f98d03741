"""The tokenizer files of OpenAI's GPT-2 and of Hugging Face."""
