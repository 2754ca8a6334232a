"""
What an event is made of: its values as JSON (`values`), its id and time (`stamps`), its members as bytes
(`payloads`), and what the tracking plan says of it (`plan`).
"""
