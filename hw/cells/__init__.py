"""What hardware is made of, a family of parts a file."""
