"""The web server: its pages, and limits on its clients."""
