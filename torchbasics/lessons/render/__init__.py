"""How a lesson's items are shown: one file a medium."""
