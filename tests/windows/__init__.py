"""Tests of the windows, against an oracle that integrates the whole history."""
