"""From the `home` catalogue's calls to devices of a home: names, values, answers.

Leaves out: memory of dialogues (session) and what may be done (gate).
"""
