"""What the dashboards show: each query once, by subsystem, with its unit and its legend."""
