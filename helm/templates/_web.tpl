{{/* The protocol of the port: http or https. */}}
{{- define "xivo-exporter.scheme" -}}
{{- $web := .Values.web -}}
{{- if and $web.tlsSecret (not $web.configSecret) }}{{ fail "web.tlsSecret needs web.configSecret: only web-config.yml turns on TLS." }}{{ end -}}
{{- if and $web.clientCertificates (not (and $web.configSecret $web.tls)) }}{{ fail "web.clientCertificates needs TLS: set web.configSecret and web.tls." }}{{ end -}}
{{ ternary "https" "http" (and $web.tls (ne $web.configSecret "")) }}
{{- end }}

{{/* How the kubelet probes a path. */}}
{{- define "xivo-exporter.check" -}}
{{- $values := .root.Values -}}
{{- $web := $values.web -}}
{{- $scheme := include "xivo-exporter.scheme" .root -}}
{{- $host := get (dict "0.0.0.0" "127.0.0.1" "::" "::1") $values.listenHost | default $values.listenHost -}}
{{- $host = contains ":" $host | ternary (printf "[%s]" $host) $host -}}
{{- if and $web.configSecret (or $web.clientCertificates (not $web.openHealth)) -}}
exec:
  # The kubelet has neither a client certificate nor a user. This shows only that the server answers.
  command:
    - /opt/xivo-exporter/bin/python
    - -I
    - -S
    - /opt/xivo-exporter/bin/healthcheck.py
    - {{ printf "%s://%s:%d" $scheme $host (int $values.port) }}
{{- else -}}
httpGet:
  path: {{ .path }}
  port: http
  {{- if eq $scheme "https" }}
  # The kubelet does not check the certificate.
  scheme: HTTPS
  {{- end }}
{{- end }}
{{- end }}
