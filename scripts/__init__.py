"""What developers run from a checkout."""
