"""What a change of the plan does to the questions people rely on: `definitions` asks for each use, `effects` knows."""
