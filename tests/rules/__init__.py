"""The alert rules: special cases as YAML for promtool, and every alert in every situation."""
