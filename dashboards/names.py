"""Names of the dashboards: their uid in Grafana, by which they link to each other."""

OVERVIEW = "xivo-overview"
CALL_CENTRE = "xivo-call-centre"
ENDPOINTS = "xivo-endpoints"
SERVICES = "xivo-services"
EXPORTER = "xivo-exporter"
