{{- define "icn.secretEnv" -}}
valueFrom:
  secretKeyRef:
    name: {{ .name }}
    key: {{ .key }}
    {{- if .optional }}
    optional: true
    {{- end }}
{{- end -}}

{{- define "icn.probe" -}}
httpGet:
  path: {{ .path }}
  port: http-api
{{- range $k, $v := omit . "path" }}
{{ $k }}: {{ $v }}
{{- end }}
{{- end -}}

{{/* The pod of both modes. */}}
{{- define "icn.pod" -}}
metadata:
  labels:
    {{- include "icn.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include "icn.config" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "icn.serviceAccount" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "icn.selector" . | nindent 10 }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: icn-node
      image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: ["icn-node"]
      args: ["--config", "/etc/icn/config.toml"]
      workingDir: /var/lib/icn
      ports:
        - containerPort: {{ .Values.api.port }}
          name: http-api
        - containerPort: {{ .Values.p2p.port }}
          name: p2p
        - containerPort: {{ .Values.p2p.port }}
          name: p2p-quic
          protocol: UDP
        {{- if .Values.monitoring.enabled }}
        - containerPort: {{ .Values.monitoring.port }}
          name: metrics
        {{- end }}
      env:
        - name: ICN_API_KEY
          {{- include "icn.secretEnv" (dict "name" .Values.secrets.name "key" .Values.secrets.apiKeyKey) | nindent 10 }}
        - name: ICN_AUTH_TOKEN
          {{- include "icn.secretEnv" (dict "name" .Values.secrets.name "key" .Values.secrets.authTokenKey "optional" true) | nindent 10 }}
        - name: ICN_KEY_PASSPHRASE
          {{- include "icn.secretEnv" (dict "name" .Values.secrets.name "key" .Values.secrets.keyPassphraseKey) | nindent 10 }}
        {{- if include "icn.isDeployment" . }}
        - name: DB_PASSWORD
          {{- include "icn.secretEnv" (dict "name" .Values.database.secretName "key" .Values.database.passwordKey) | nindent 10 }}
        {{- else }}
        - name: ICN_NODE_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        {{- if .Values.federation.joinCodesSecret }}
        - name: ICN_JOIN_CODE_FILE
          value: /secrets/join/$(ICN_NODE_NAME)
        {{- end }}
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      volumeMounts:
        - name: config
          mountPath: /etc/icn
          readOnly: true
        {{- if include "icn.isDeployment" . }}
        - name: identity-keys
          mountPath: /secrets/identity
          readOnly: true
        {{- else if .Values.federation.joinCodesSecret }}
        - name: join-codes
          mountPath: /secrets/join
          readOnly: true
        {{- end }}
        {{- if .Values.tls.enabled }}
        - name: tls-certs
          mountPath: /secrets/tls
          readOnly: true
        {{- end }}
        - name: data
          mountPath: /var/lib/icn
        - name: tmp
          mountPath: /tmp
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      startupProbe:
        {{- include "icn.probe" .Values.probes.startup | nindent 8 }}
      livenessProbe:
        {{- include "icn.probe" .Values.probes.liveness | nindent 8 }}
      readinessProbe:
        {{- include "icn.probe" .Values.probes.readiness | nindent 8 }}
      {{- if .Values.preStopSeconds }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ .Values.preStopSeconds }}
      {{- end }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
  volumes:
    - name: config
      configMap:
        name: {{ .Values.config.name }}
    {{- if include "icn.isDeployment" . }}
    - name: identity-keys
      secret:
        secretName: {{ .Values.identity.secretName }}
        defaultMode: 0440
    {{- else if .Values.federation.joinCodesSecret }}
    - name: join-codes
      secret:
        secretName: {{ .Values.federation.joinCodesSecret }}
        defaultMode: 0440
    {{- end }}
    {{- if .Values.tls.enabled }}
    - name: tls-certs
      secret:
        secretName: {{ .Values.tls.secretName }}
        defaultMode: 0440
        items:
          - key: tls.crt
            path: cert.pem
          - key: tls.key
            path: key.pem
          {{- with .Values.tls.clientCAKey }}
          - key: {{ . }}
            path: clients.pem
          {{- end }}
    {{- end }}
    {{- if include "icn.isDeployment" . }}
    - name: data
      emptyDir:
        sizeLimit: 1Gi
    {{- end }}
    - name: tmp
      emptyDir:
        sizeLimit: 1Gi
{{- end -}}
