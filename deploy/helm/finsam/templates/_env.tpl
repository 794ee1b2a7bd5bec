{{/* The environment of a workload: dict root, name, facts, s (its settings). */}}
{{- define "finsam.env" -}}
{{- $v := .root.Values -}}
{{- $full := include "finsam.fullname" .root -}}
- { name: FINSAM_LOG_LEVEL, value: {{ .s.logLevel | quote }} }
{{- if dig "limits" "memory" "" (default dict .s.resources) }}
- { name: FINSAM_MEMORY_LIMIT, valueFrom: { resourceFieldRef: { resource: limits.memory } } }
{{- end }}
{{- if not .facts.data }}
- { name: FINSAM_ADDR, value: ":8080" }
- { name: FINSAM_ADMIN_ADDR, value: ":9090" }
- { name: FINSAM_LINGER, value: "{{ int $v.drain.lingerSeconds }}s" }
- { name: FINSAM_KEYS_DIR, value: {{ .facts.keysDir }} }
{{- if $v.internalTLS.existingSecret.name }}
- { name: FINSAM_TLS_DIR, value: /etc/finsam/tls }
{{- end }}
{{- with .facts.associations }}
- { name: FINSAM_ASSOCIATIONS_DIR, value: {{ . }} }
{{- end }}
{{- if .facts.front }}
- { name: FINSAM_TRUST_FILE, value: /etc/finsam/trust/trust.yaml }
{{- end }}
{{- end }}
{{- if .facts.store }}
- name: FINSAM_STORE
  valueFrom:
    secretKeyRef:
      name: {{ .s.mongodb.existingSecret.name | default $v.mongodb.existingSecret.name }}
      key: {{ .s.mongodb.existingSecret.key | default $v.mongodb.existingSecret.key }}
{{- end }}
{{- with $v.blobs.s3 }}
{{- if and $.facts.blobs .endpoint }}
- { name: FINSAM_BLOBS, value: {{ printf "s3://%s?endpoint=%s&region=%s" .bucket .endpoint .region | quote }} }
- name: AWS_ACCESS_KEY_ID
  valueFrom: { secretKeyRef: { name: {{ .existingSecret.name }}, key: {{ .existingSecret.accessKeyKey }} } }
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: { secretKeyRef: { name: {{ .existingSecret.name }}, key: {{ .existingSecret.secretKeyKey }} } }
{{- end }}
{{- end }}
{{- with $v.api.publicURL }}
- { name: FINSAM_PUBLIC_URL, value: {{ . | quote }} }
{{- end }}
{{- range .facts.peers }}
- { name: FINSAM_{{ upper . }}_URL, value: "{{ ternary "https" "http" (not (empty $v.internalTLS.existingSecret.name)) }}://{{ $full }}-{{ . }}:{{ (fromYaml (include "finsam.settings" (dict "root" $.root "name" .))).service.port }}" }
{{- end }}
{{- if .facts.front }}
{{- include "finsam.frontEnv" . }}
{{- end }}
{{- if has .name (list "referral" "standalone") }}
{{- with $v.webhooks.allow }}
- { name: FINSAM_WEBHOOK_ALLOW, value: {{ join "," . | quote }} }
{{- end }}
{{- with $v.webhooks.proxy }}
- { name: FINSAM_WEBHOOK_PROXY, value: {{ . | quote }} }
{{- end }}
{{- end }}
{{- include "finsam.outsideEnv" . }}
{{- with .s.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What only the front door reads. */}}
{{- define "finsam.frontEnv" -}}
{{- $v := .root.Values }}
{{- with $v.api.corsOrigins }}
- { name: FINSAM_CORS_ORIGINS, value: {{ join "," . | quote }} }
{{- end }}
{{- with $v.api.trustedProxies }}
- { name: FINSAM_TRUSTED_PROXIES, value: {{ join "," . | quote }} }
{{- end }}
{{- with $v.api.limits }}
- { name: FINSAM_RATE_PER_SECOND, value: "{{ int .ratePerSecond }}" }
- { name: FINSAM_RATE_BURST, value: "{{ int .rateBurst }}" }
- { name: FINSAM_UNAUTHENTICATED_PER_SECOND, value: "{{ int .unauthenticatedPerSecond }}" }
- { name: FINSAM_UNAUTHENTICATED_BURST, value: "{{ int .unauthenticatedBurst }}" }
- { name: FINSAM_IN_FLIGHT, value: "{{ int .inFlight }}" }
- { name: FINSAM_ANSWER_TIMEOUT, value: {{ .answerTimeout | quote }} }
{{- end }}
{{- if and .facts.redis $v.redis.existingSecret.name }}
- name: FINSAM_REDIS_URL
  valueFrom: { secretKeyRef: { name: {{ $v.redis.existingSecret.name }}, key: {{ $v.redis.existingSecret.key }} } }
{{- end }}
{{- end -}}

{{/* Telemetry, proxies and certificate authorities: the same for every workload. */}}
{{- define "finsam.outsideEnv" -}}
{{- $v := .root.Values -}}
{{- $full := include "finsam.fullname" .root }}
- name: POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- { name: OTEL_RESOURCE_ATTRIBUTES, value: "service.namespace={{ .root.Release.Namespace }},service.instance.id=$(POD_NAME){{ with index (default dict $v.telemetry.env) "OTEL_RESOURCE_ATTRIBUTES" }},{{ . }}{{ end }}" }
{{- with $v.telemetry.endpoint }}
- { name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }} }
{{- end }}
{{- range $name, $value := omit (default dict $v.telemetry.env) "OTEL_RESOURCE_ATTRIBUTES" }}
- { name: {{ $name }}, value: {{ $value | toString | quote }} }
{{- end }}
{{- with $v.telemetry.headers.existingSecret }}
{{- if .name }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom: { secretKeyRef: { name: {{ .name }}, key: {{ .key }} } }
{{- end }}
{{- end }}
{{- with $v.proxy.http }}
- { name: HTTP_PROXY, value: {{ . | quote }} }
{{- end }}
{{- with $v.proxy.https }}
- { name: HTTPS_PROXY, value: {{ . | quote }} }
{{- end }}
{{- $own := list }}
{{- range .s.extraEnv }}{{ $own = append $own .name }}{{ end }}
{{- if and (or $v.proxy.http $v.proxy.https (has "HTTP_PROXY" $own) (has "HTTPS_PROXY" $own)) (not (has "NO_PROXY" $own)) }}
{{- $within := list "localhost" "127.0.0.1" ".svc" ".cluster.local" }}
{{- range fromJsonArray (include "finsam.workloads" .root) }}
{{- $within = append $within (printf "%s-%s" $full .) }}
{{- end }}
{{- range compact (list $v.telemetry.endpoint $v.blobs.s3.endpoint) }}
{{- $host := regexReplaceAll ":[0-9]+$" (include "finsam.hostPort" .) "" }}
{{- /* name or name.namespace: within the cluster */}}
{{- if regexMatch "^[-a-z0-9]+(\\.[-a-z0-9]+)?$" $host }}
{{- $within = append $within $host }}
{{- end }}
{{- end }}
- { name: NO_PROXY, value: {{ concat $within $v.proxy.noProxy | uniq | join "," | quote }} }
{{- end }}
{{- if include "finsam.hasCA" .root }}
- { name: SSL_CERT_DIR, value: /etc/finsam/ca }
{{- end }}
{{- end -}}
