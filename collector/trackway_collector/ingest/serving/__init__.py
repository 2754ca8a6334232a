"""HTTP itself: sockets, connections, bodies, what every answer carries."""
