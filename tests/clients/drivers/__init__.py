"""The programs that use the clients. Each runs with its client and the standard library alone on the path."""
