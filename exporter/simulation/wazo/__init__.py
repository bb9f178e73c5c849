"""What only a Wazo publishes; `exporter.simulation.wazo.server` connects the parts."""
