"""What the program can do: its command line, and a module for each command."""
