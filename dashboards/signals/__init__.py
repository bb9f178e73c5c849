"""All queries of the dashboards, by subsystem, each with its unit and its legend."""
