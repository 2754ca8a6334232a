"""What is told of requests: results to clients, losses they report, counts, log lines, dead letters."""
