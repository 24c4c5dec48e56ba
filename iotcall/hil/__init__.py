"""The bench: a bundle on a board, driven as a house would drive it, judged with statistics."""
