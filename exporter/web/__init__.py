"""The web server: pages, and the bounds on those who ask for them."""
