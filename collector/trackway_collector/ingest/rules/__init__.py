"""What requests go by, replaced as a whole when a file changes: keys, policies of sources, plan."""
