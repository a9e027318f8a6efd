"""The vanishing lab: its networks, their training, and what it leaves."""
