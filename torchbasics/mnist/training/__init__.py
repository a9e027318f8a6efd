"""The machine behind `python -m torchbasics.mnist`: what trains, and what it leaves."""
