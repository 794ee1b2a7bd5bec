{{/* The pod of a workload: dict root, name, object, facts, s. */}}
{{- define "finsam.pod" -}}
{{- $v := .root.Values -}}
metadata:
  labels:
    {{- $labels := fromYaml (include "finsam.selector" .) }}
    {{- merge $labels (default dict .s.podLabels) (default dict $v.commonLabels) | toYaml | nindent 4 }}
  {{- with merge (dict) (default dict .s.podAnnotations) (default dict $v.commonAnnotations) }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "finsam.serviceAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ int $v.drain.graceSeconds }}
  securityContext:
    {{- toYaml .s.podSecurityContext | nindent 4 }}
  {{- with include "finsam.pullSecrets" .root }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- include "finsam.placing" . | nindent 2 }}
  containers:
    - name: finsam
      image: {{ include "finsam.image" .root }}
      imagePullPolicy: {{ $v.image.pullPolicy }}
      args:
        {{- range .facts.args }}
        - {{ . }}
        {{- end }}
        {{- if .facts.data }}
        - --linger={{ int $v.drain.lingerSeconds }}s
        {{- end }}
      ports:
        - { name: http, containerPort: 8080 }
        - { name: admin, containerPort: 9090 }
      env:
        {{- include "finsam.env" . | nindent 8 }}
      {{- with .s.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      resources:
        {{- toYaml .s.resources | nindent 8 }}
      securityContext:
        {{- toYaml .s.securityContext | nindent 8 }}
      startupProbe:
        {{- merge (dict "httpGet" (dict "path" "/readyz" "port" "admin")) (default dict .s.probes.startup) | toYaml | nindent 8 }}
      readinessProbe:
        {{- merge (dict "httpGet" (dict "path" "/readyz" "port" "admin")) (default dict .s.probes.readiness) | toYaml | nindent 8 }}
      livenessProbe:
        {{- merge (dict "httpGet" (dict "path" "/livez" "port" "admin")) (default dict .s.probes.liveness) | toYaml | nindent 8 }}
      volumeMounts:
        {{- include "finsam.mounts" . | nindent 8 }}
  volumes:
    {{- include "finsam.volumes" . | nindent 4 }}
{{- end -}}

{{/* Where the pod runs; dict s, and root and name to spread by. */}}
{{- define "finsam.placing" -}}
{{- with .s.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .s.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $tolerations := .s.tolerations | default list -}}
{{- if not .facts.data }}
{{- /* Kubernetes waits five minutes before it starts a lost node's pods elsewhere. These hold no data. */}}
{{- $named := list -}}
{{- range $tolerations }}{{ $named = append $named .key }}{{ end -}}
{{- range list "node.kubernetes.io/unreachable" "node.kubernetes.io/not-ready" -}}
{{- if not (has . $named) -}}
{{- $tolerations = append $tolerations (dict "key" . "operator" "Exists" "effect" "NoExecute" "tolerationSeconds" 30) -}}
{{- end -}}
{{- end -}}
{{- end }}
{{- with $tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .s.affinity }}
affinity:
  {{- toYaml .s.affinity | nindent 2 }}
{{- else if not .facts.data }}
# No second spread constraint: a node without a zone would be left out of both.
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 50
        podAffinityTerm:
          topologyKey: topology.kubernetes.io/zone
          labelSelector:
            matchLabels:
              {{- include "finsam.selector" $ | nindent 14 }}
{{- end }}
{{- if .s.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml .s.topologySpreadConstraints | nindent 2 }}
{{- else if not .facts.data }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "finsam.selector" $ | nindent 8 }}
{{- end }}
{{- end -}}

{{- define "finsam.mounts" -}}
- { name: tmp, mountPath: /tmp }
{{- if .facts.data }}
- { name: data, mountPath: /data }
{{- end }}
{{- if include "finsam.keysSecret" . }}
- { name: keys, mountPath: {{ .facts.keysDir }}, readOnly: true }
{{- end }}
{{- with .facts.associations }}
- { name: associations, mountPath: {{ . }}, readOnly: true }
{{- end }}
{{- if .facts.front }}
- { name: trust, mountPath: /etc/finsam/trust, readOnly: true }
{{- end }}
{{- if .root.Values.internalTLS.existingSecret.name }}
- { name: tls, mountPath: /etc/finsam/tls, readOnly: true }
{{- end }}
{{- if include "finsam.hasCA" .root }}
- { name: ca, mountPath: /etc/finsam/ca, readOnly: true }
{{- end }}
{{- with .s.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "finsam.volumes" -}}
{{- $v := .root.Values -}}
- { name: tmp, emptyDir: { sizeLimit: 256Mi } }
{{- if .facts.data }}
{{- if not $v.persistence.enabled }}
- { name: data, emptyDir: {} }
{{- else if $v.persistence.existingClaim }}
- { name: data, persistentVolumeClaim: { claimName: {{ $v.persistence.existingClaim }} } }
{{- end }}
{{- end }}
{{- with include "finsam.keysSecret" . }}
- name: keys
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items:
      {{- range $.facts.keys }}
      - { key: {{ . }}, path: {{ . }} }
      {{- end }}
{{- end }}
{{- if .facts.associations }}
- name: associations
  {{- include "finsam.associationsVolume" .root | nindent 2 }}
{{- end }}
{{- if .facts.front }}
- name: trust
  {{- include "finsam.trustVolume" .root | nindent 2 }}
{{- end }}
{{- with $v.internalTLS.existingSecret.name }}
- name: tls
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items: [{ key: tls.crt, path: tls.crt }, { key: tls.key, path: tls.key }, { key: ca.crt, path: ca.crt }]
{{- end }}
{{- if include "finsam.hasCA" .root }}
- name: ca
  {{- include "finsam.caVolume" .root | nindent 2 }}
{{- end }}
{{- with .s.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The Secret of the workload's keys: its own, or the one of all; empty without either. */}}
{{- define "finsam.keysSecret" -}}
{{- .s.keys.existingSecret.name | default .root.Values.keys.existingSecret.name -}}
{{- end -}}
