"""What comes with a checkpoint: its folder, adapter, template, tokenizer; a bundle's parts."""
