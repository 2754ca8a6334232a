"""What is different between two releases, in the plan's words: `releases` compares them, a `change` at a time."""
