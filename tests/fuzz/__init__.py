"""
The decoder against bytes that nobody meant to send.

`target.examine` says what must hold for any bytes; tests/fuzz/test_corpus.py holds it against the kept corpus in
tests/data/fuzz_corpus and some random inputs, and `make fuzz` searches for an hour for bytes that break it.
"""
