{{/* config.toml: configs/production.toml, with what the values say. */}}
{{- define "icn.config" -}}
[runtime]
environment = "production"

[network]
http_listen_addr = "0.0.0.0:{{ .Values.api.port }}"
p2p_enabled = true
p2p_listen_addr = "/ip4/0.0.0.0/tcp/{{ .Values.p2p.port }}"
{{- with .Values.p2p.bootstrapPeers }}
bootstrap_peers = {{ toJson . }}
{{- end }}
max_peers = {{ .Values.p2p.maxPeers }}
connection_timeout = 30
{{- with .Values.federation.name }}

[federation]
name = {{ toJson . }}
{{- end }}

[storage]
path = "/var/lib/icn/node"
{{- if include "icn.isDeployment" . }}
backend = "postgresql"
connection_string = "postgresql://{{ .Values.database.user }}:${DB_PASSWORD}@{{ .Values.database.host }}:{{ .Values.database.port }}/{{ .Values.database.name }}{{ with .Values.database.parameters }}?{{ . }}{{ end }}"
max_connections = {{ .Values.database.maxConnections }}
connection_timeout = 10
{{- else }}
backend = "pebble"
{{- end }}

[security]
api_key_env = "ICN_API_KEY"
auth_token_env = "ICN_AUTH_TOKEN"
{{- if .Values.tls.enabled }}
tls_cert_path = "/secrets/tls/cert.pem"
tls_key_path = "/secrets/tls/key.pem"
{{- if .Values.tls.clientCAKey }}
tls_client_ca_path = "/secrets/tls/clients.pem"
{{- end }}
{{- end }}
require_auth = true
open_rate_limit = 0

[identity]
{{- if include "icn.isDeployment" . }}
key_path = "/secrets/identity/node.key"
generate_new_key = false
{{- else }}
key_path = "/var/lib/icn/node.key"
generate_new_key = true
{{- end }}
key_passphrase_env = "ICN_KEY_PASSPHRASE"

[mesh]
job_memory_mb = {{ .Values.jobs.memoryMB }}

[performance]
max_concurrent_jobs = {{ .Values.jobs.maxConcurrent }}
mana_regeneration_rate = 10
gc_interval = 3600

[monitoring]
metrics_enabled = {{ .Values.monitoring.enabled }}
{{- if .Values.monitoring.enabled }}
metrics_bind_addr = "0.0.0.0:{{ .Values.monitoring.port }}"
{{- end }}
health_check_interval = {{ .Values.monitoring.healthCheckInterval }}

[logging]
level = {{ toJson .Values.log.level }}
format = {{ toJson .Values.log.format }}
{{- if not (include "icn.isDeployment" .) }}
{{- if .Values.audit.enabled }}

[audit]
enabled = true
log_path = "/var/lib/icn/audit.log"
{{- end }}
{{- with .Values.backup.every }}

[backup]
every = {{ toJson . }}
target = "/var/lib/icn/backups"
keep = {{ $.Values.backup.keep }}
keys = true
{{- end }}
{{- end }}
{{ end -}}
