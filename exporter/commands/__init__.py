"""The commands of the program: the command line, and a module for each command."""
