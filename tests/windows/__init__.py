"""The windows, compared with an oracle that integrates the raw history."""
