{{/* A value in TOML. Its strings, booleans and lists have the syntax of JSON. */}}
{{- define "xivo-exporter.toml" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}
{{ int64 . }}
{{- else -}}
{{ toJson . }}
{{- end -}}
{{- end }}

{{/* The URL of a bus without its passwords. Only this may be used outside of the Secret. */}}
{{- define "xivo-exporter.publicUrl" -}}
{{ regexReplaceAll "(://[^:/;]*):[^/;]*@" . "${1}@" }}
{{- end }}

{{/* All buses as JSON, with public URLs, each with its files: the setting of the program, and the Secret with its key. */}}
{{- define "xivo-exporter.buses" -}}
{{- if and .Values.buses .Values.bus.url }}{{ fail "Set either bus.url or buses, not both." }}{{ end -}}
{{- if not (or .Values.buses .Values.bus.url) }}{{ fail "Say which bus to read: --set bus.url=amqp://USER@HOST" }}{{ end -}}
{{- $own := include "xivo-exporter.fullname" . -}}
{{- $defaults := dict "name" "default" "passwordKey" "password" "tls" (dict "caKey" "ca.crt") "api" (dict "interval" 300) -}}
{{- $buses := list -}}
{{- $names := list -}}
{{- range .Values.buses | default (list .Values.bus) -}}
{{- $bus := mergeOverwrite (deepCopy $defaults) . -}}
{{- /* Not in the schema: its messages quote the value. */ -}}
{{- if not (regexMatch "^amqps?://[^\\s;]+(;amqps?://[^\\s;]+)*$" $bus.url) }}{{ fail (printf "The URL of the bus %s must be amqp://user@host:port/vhost, or amqps:// for TLS, with ; between several. In a password, write ; as %%3B and a space as %%20." $bus.name) }}{{ end -}}
{{- if regexMatch "://[^/;]*/[^;]*@" $bus.url }}{{ fail (printf "In the URL of the bus %s, write / as %%2F and @ as %%40 in the user, the password and the vhost." $bus.name) }}{{ end -}}
{{- if and $.Values.buses (regexMatch "://[^/;]*:[^/;]*@" $bus.url) }}{{ fail (printf "The URL of the bus %s must not contain a password: use password or existingSecret." $bus.name) }}{{ end -}}
{{- if not (regexMatch "^(\\s*-----BEGIN |$)" ($bus.tls.key | default "")) }}{{ fail (printf "The private key of the bus %s is not PEM: it must begin with -----BEGIN." $bus.name) }}{{ end -}}
{{- $api := $bus.api -}}
{{- range prepend (values ($api.services | default dict)) ($api.url | default "") -}}
{{- /* As for the URL of the bus. */ -}}
{{- if not (regexMatch "^(https?://[^\\s@?#,]+)?$" .) }}{{ fail (printf "The URLs of the APIs of the bus %s must be https://host/api, without user and password." $bus.name) }}{{ end -}}
{{- end -}}
{{- $isAsked := or $api.url $api.services -}}
{{- $hasPassword := or $api.password (and $api.existingSecret $api.passwordKey) -}}
{{- $hasKeyFile := or $api.keyFile (and $api.existingSecret $api.keyFileKey) -}}
{{- if and (not $isAsked) (or $api.username $hasPassword $hasKeyFile $api.ca $api.serverName) }}{{ fail (printf "The API of the bus %s needs a URL: set api.url." $bus.name) }}{{ end -}}
{{- if and $isAsked (not $hasKeyFile) (not (and $api.username $hasPassword)) }}{{ fail (printf "The API of the bus %s needs a user and a password, or a key file: set api.username with api.password, or api.keyFile, or api.existingSecret with their keys." $bus.name) }}{{ end -}}
{{- if and $hasKeyFile (or $api.username $hasPassword) }}{{ fail (printf "The API of the bus %s needs a user with a password, or a key file, not both." $bus.name) }}{{ end -}}
{{- $_ := set $bus "url" (include "xivo-exporter.publicUrl" $bus.url) -}}
{{- if has $bus.name $names }}{{ fail (printf "buses: two buses are named %s." $bus.name) }}{{ end -}}
{{- $names = append $names $bus.name -}}
{{- $files := list -}}
{{- range list
      (list "password" "password" $bus.password $bus.existingSecret $bus.passwordKey)
      (list "ca" "ca.crt" $bus.tls.ca $bus.tls.existingSecret $bus.tls.caKey)
      (list "cert" "tls.crt" $bus.tls.cert $bus.tls.existingSecret $bus.tls.certKey)
      (list "key" "tls.key" $bus.tls.key $bus.tls.existingSecret $bus.tls.keyKey)
      (list "api_password" "api-password" $api.password $api.existingSecret $api.passwordKey)
      (list "api_key" "api-key.yml" $api.keyFile $api.existingSecret $api.keyFileKey)
      (list "api_ca" "api-ca.crt" $api.ca $api.existingSecret $api.caKey)
-}}
{{- $file := dict "setting" (index . 0) "path" (printf "%s/%s" $bus.name (index . 1)) -}}
{{- if and (index . 2) (index . 3) (or (index . 4) (not (hasPrefix "api_" (index . 0)))) }}{{ fail (printf "Set the %s of the bus %s in the values or in an existing Secret, not in both." (index . 0) $bus.name) }}{{ end -}}
{{- if index . 2 -}}
{{- $files = append $files (merge $file (dict "secret" $own "key" (printf "%s.%s" $bus.name (index . 1)) "value" (index . 2))) -}}
{{- else if and (index . 3) (index . 4) -}}
{{- $files = append $files (merge $file (dict "secret" (index . 3) "key" (index . 4))) -}}
{{- end -}}
{{- end -}}
{{- $buses = append $buses (set $bus "files" $files) -}}
{{- end -}}
{{ toJson $buses }}
{{- end }}

{{/* The settings of one bus. Some have a prefix if it is the only bus. */}}
{{- define "xivo-exporter.bus" -}}
{{- $prefix := .prefix -}}
{{- with .bus }}
{{ $prefix }}name = {{ toJson .name }}
{{- range .files }}
{{ hasPrefix "api_" .setting | ternary "" $prefix }}{{ .setting }}_file = {{ printf "/etc/xivo-exporter/buses/%s" .path | toJson }}
{{- end }}
{{- with .serverName }}
{{ $prefix }}server_name = {{ toJson . }}
{{- end }}
{{- with .timezone }}
{{ $prefix }}timezone = {{ toJson . }}
{{- end }}
{{- with .serviceLevel }}
service_level = {{ include "xivo-exporter.toml" . }}
{{- end }}
{{- with .api }}
{{- with .url }}
api_url = {{ toJson . }}
{{- end }}
{{- with .services }}
api_services = [
{{- range $name, $url := . }}
  {{ printf "%s=%s" $name $url | toJson }},
{{- end }}
]
{{- end }}
{{- with .username }}
api_username = {{ toJson . }}
{{- end }}
{{- with .serverName }}
api_server_name = {{ toJson . }}
{{- end }}
{{- if ne (float64 .interval) 300.0 }}
api_interval = {{ include "xivo-exporter.toml" (float64 .interval) }}
{{- end }}
{{- end }}
{{- with .exchange }}
exchange = {{ toJson . }}
{{- end }}
{{- with .exchangeType }}
exchange_type = {{ toJson . }}
{{- end }}
{{- if .bindAll }}
bind_all = true
{{- end }}
{{- end }}
{{- end }}

{{/* The settings file. */}}
{{- define "xivo-exporter.settings" -}}
{{- $name := include "xivo-exporter.fullname" . -}}
{{- $host := contains ":" .Values.listenHost | ternary (printf "[%s]" .Values.listenHost) .Values.listenHost -}}
instance = {{ .Values.instance | default (printf "%s-%s" .Release.Namespace $name | trunc 100) | toJson }}
listen = {{ printf "%s:%d" $host (int .Values.port) | toJson }}
{{- with .Values.web }}
{{- if .configSecret }}
web_config_file = "/etc/xivo-exporter/web/web-config.yml"
{{- if .openHealth }}
web_open_health = true
{{- end }}
{{- end }}
{{- if .allowReload }}
web_allow_reload = true
{{- end }}
{{- end }}
# Not the volume itself: its root belongs to root, and the group of the pod can write to it.
state_dir = "/state/xivo-exporter"
{{- if gt (int .Values.replicas) 1 }}
# The number at the end of a pod's name is its position in this list, from 0.
addresses = [
{{- range $i := until (int .Values.replicas) }}
  {{ printf "%s-%d.%s.%s.svc.%s:%d" $name $i $name $.Release.Namespace $.Values.clusterDomain (int $.Values.clusterPort) | toJson }},
{{- end }}
]
{{- end }}
{{- range $key, $value := .Values.settings }}
{{ $key }} = {{ include "xivo-exporter.toml" $value }}
{{- end }}
{{- range include "xivo-exporter.buses" . | fromJsonArray }}
{{- if $.Values.buses }}

[[buses]]
url = {{ toJson .url }}
{{- end }}
{{- include "xivo-exporter.bus" (dict "bus" . "prefix" (empty $.Values.buses | ternary "bus_" "")) }}
{{- end }}
{{ end }}
