{{/*
Who may reach a workload, and whom it may reach: the calls of finsam.facts, read
in both directions. default-deny is in networkpolicy.yaml.
*/}}

{{/* A pod of the release, as a peer: dict root, name. */}}
{{- define "finsam.peer" -}}
- podSelector:
    matchLabels:
      {{- include "finsam.selector" . | nindent 6 }}
{{- end -}}

{{/* A rule of egress: dict to, ports, udp. */}}
{{- define "finsam.towards" -}}
- ports:
    {{- range .ports }}
    {{- if $.udp }}
    - { port: {{ int . }}, protocol: UDP }
    {{- end }}
    - { port: {{ int . }}, protocol: TCP }
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* The host and the port of a URL, as `host:port`; without a scheme it is taken for http, as proxies are. */}}
{{- define "finsam.hostPort" -}}
{{- $at := regexReplaceAll "^[a-z]+://|[/?].*$" . "" -}}
{{- ternary $at (printf "%s:%s" $at (ternary "443" "80" (hasPrefix "https:" .))) (regexMatch ":[0-9]+$" $at) -}}
{{- end -}}

{{/* A rule of egress to what the values name by URL: dict rule, urls. Their ports are open, whether the rule lists them or not. */}}
{{- define "finsam.towardsURLs" -}}
{{- $ports := .rule.ports -}}
{{- range compact .urls -}}
{{- $ports = append $ports (include "finsam.hostPort" . | splitList ":" | last) -}}
{{- end -}}
{{- $whole := list -}}
{{- range $ports }}{{ $whole = append $whole (int .) }}{{ end -}}
{{- include "finsam.towards" (dict "to" .rule.to "ports" (uniq $whole)) -}}
{{- end -}}

{{/*
Where webhooks go. Unless the values say: to public addresses and to the networks that
webhooks.allow names. A proxy may stand anywhere, and what is behind it is its own matter.
*/}}
{{- define "finsam.receivers" -}}
{{- $v := .root.Values -}}
{{- $to := $v.networkPolicy.webhookEgress.to -}}
{{- $proxy := $v.webhooks.proxy -}}
{{- range .s.extraEnv }}{{ if eq (.name | default "") "FINSAM_WEBHOOK_PROXY" }}{{ $proxy = .name }}{{ end }}{{ end -}}
{{- if not (or $to $proxy) -}}
{{- $to = list
  (dict "ipBlock" (dict "cidr" "0.0.0.0/0" "except" (list "10.0.0.0/8" "100.64.0.0/10" "127.0.0.0/8" "169.254.0.0/16" "172.16.0.0/12" "192.168.0.0/16")))
  (dict "ipBlock" (dict "cidr" "::/0" "except" (list "::1/128" "fc00::/7" "fe80::/10"))) -}}
{{- range $v.webhooks.allow }}{{ $to = append $to (dict "ipBlock" (dict "cidr" .)) }}{{ end -}}
{{- end -}}
{{- dict "to" $to "ports" $v.networkPolicy.webhookEgress.ports | toYaml -}}
{{- end -}}

{{- define "finsam.policy" -}}
{{- if .root.Values.networkPolicy.enabled -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "finsam.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "finsam.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- include "finsam.mayCome" . | nindent 4 }}
  egress:
    {{- include "finsam.mayGo" . | nindent 4 }}
{{- end -}}
{{- end -}}

{{- define "finsam.mayCome" -}}
{{- $n := .root.Values.networkPolicy -}}
{{- if .facts.front -}}
- ports: [{ port: http, protocol: TCP }]
  {{- with $n.ingressFrom }}
  from:
    {{- toYaml . | nindent 4 }}
    {{- include "finsam.peer" (dict "root" $.root "name" "test") | nindent 4 }}
  {{- end }}
{{- else -}}
- ports: [{ port: http, protocol: TCP }]
  from:
    {{- range $caller, $facts := fromYaml (include "finsam.facts" .root) }}
    {{- if has $.name $facts.peers }}
    {{- include "finsam.peer" (dict "root" $.root "name" $caller) | nindent 4 }}
    {{- end }}
    {{- end }}
{{- end }}
{{- with $n.metricsFrom }}
- ports: [{ port: admin, protocol: TCP }]
  from:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end -}}

{{- define "finsam.mayGo" -}}
{{- $v := .root.Values -}}
{{- $n := $v.networkPolicy -}}
{{ include "finsam.towards" (merge (dict "udp" true) $n.dns) }}
{{- with .facts.peers }}
- ports: [{ port: http, protocol: TCP }]
  to:
    {{- range . }}
    {{- include "finsam.peer" (dict "root" $.root "name" .) | nindent 4 }}
    {{- end }}
{{- end }}
{{- if .facts.store }}
{{ include "finsam.towards" $n.mongodb }}
{{- end }}
{{- if and .facts.redis $v.redis.existingSecret.name }}
{{ include "finsam.towards" $n.redis }}
{{- end }}
{{- if and .facts.blobs $v.blobs.s3.endpoint }}
{{ include "finsam.towardsURLs" (dict "rule" $n.blobs "urls" (list $v.blobs.s3.endpoint $v.proxy.http $v.proxy.https)) }}
{{- end }}
{{- if $v.telemetry.endpoint }}
{{ include "finsam.towardsURLs" (dict "rule" $n.otlp "urls" (list $v.telemetry.endpoint $v.proxy.http $v.proxy.https)) }}
{{- end }}
{{- if .facts.front }}
{{ include "finsam.towardsURLs" (dict "rule" $n.issuers "urls" (list $v.proxy.http $v.proxy.https)) }}
{{- end }}
{{- if has .name (list "referral" "standalone") }}
{{ include "finsam.towardsURLs" (dict "rule" (fromYaml (include "finsam.receivers" .)) "urls" (list $v.webhooks.proxy)) }}
{{- end }}
{{- with $n.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}
