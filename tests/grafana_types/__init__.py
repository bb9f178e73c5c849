"""The dashboards as typed objects: does the schema of the Grafana that is named accept them?

The models of the SDK leave out options that they do not know. The types of `@grafana/schema` refuse
them. They need node and npm, so this is no test of the suite.
"""
