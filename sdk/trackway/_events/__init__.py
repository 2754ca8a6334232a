"""
What an event is made of: its values as JSON (`values`), its id and time (`stamps`), its members as bytes
(`payloads`), what the work it belongs to has in common (`scope`), and what the tracking plan says of it (`plan`).
"""
