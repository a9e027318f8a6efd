"""What to write oneself, lesson by lesson, and the mistakes that are known by name."""
