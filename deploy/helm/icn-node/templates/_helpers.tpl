{{- define "icn.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "icn.selector" -}}
app: {{ include "icn.fullname" . }}
{{- end -}}

{{- define "icn.labels" -}}
{{ include "icn.selector" . }}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "icn.metadata" -}}
labels:
  {{- include "icn.labels" . | nindent 2 }}
{{- end -}}

{{- define "icn.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "icn.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "icn.isDeployment" -}}
{{- if eq .Values.mode "deployment" }}yes{{ end -}}
{{- end -}}

{{/* Mistakes that would cost a federation, refused with what to do instead. */}}
{{- define "icn.check" -}}
{{- if and (eq .Values.mode "statefulset") (gt (int .Values.replicas) 1) (not .Values.p2p.bootstrapPeers) -}}
{{- fail "mode statefulset with several replicas needs p2p.bootstrapPeers, or each pod would found a federation of its own: install with replicas=1 first, take the address of pod 0 from its log (P2P /ip4/…/p2p/12D3KooW…), then set p2p.bootstrapPeers and replicas" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (eq .Values.mode "deployment") -}}
{{- fail "autoscaling.enabled is for mode statefulset: standbys of mode deployment are no capacity; set replicas instead" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (not .Values.federation.joinCodesSecret) -}}
{{- fail "autoscaling.enabled needs federation.joinCodesSecret with a join code for each pod that may come, or new nodes wait for somebody who lets them in" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (lt (int .Values.autoscaling.maxReplicas) (int .Values.replicas)) -}}
{{- fail "autoscaling.maxReplicas is less than replicas" -}}
{{- end -}}
{{- if and .Values.secrets.create (not (and .Values.secrets.apiKey .Values.secrets.keyPassphrase)) -}}
{{- fail "secrets.create needs secrets.apiKey and secrets.keyPassphrase; make some with: openssl rand -hex 32" -}}
{{- end -}}
{{- end -}}
