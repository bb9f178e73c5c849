"""The uid of each dashboard in Grafana. Links between dashboards use it."""

OVERVIEW = "xivo-overview"
CALL_CENTRE = "xivo-call-centre"
ENDPOINTS = "xivo-endpoints"
TELEPHONY = "xivo-telephony"
SWITCHBOARDS = "xivo-switchboards"
SERVICES = "xivo-services"
EXPORTER = "xivo-exporter"
