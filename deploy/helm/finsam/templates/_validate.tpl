{{/*
Values that cannot work fail here, all at once, each with a sentence that says what to
do. The schema has already refused typos and wrong types.
*/}}
{{- define "finsam.validate" -}}
{{- include "finsam.lacking" . -}}
{{- $said := list -}}
{{- range list "finsam.wrongParts" "finsam.wrongMode" "finsam.wrongScaling" "finsam.wrongDoors" "finsam.wrongOutside" -}}
{{- $said = concat $said (include . $ | trim | splitList "\n") -}}
{{- end -}}
{{- $said = without $said "" -}}
{{- if $said -}}
{{- fail (printf "\n\nfinsam cannot be installed like this:\n  * %s\n" (join "\n  * " $said)) -}}
{{- end -}}
{{- end -}}

{{/*
Values that lack keys of this chart are those of an older one, kept by --reuse-values:
they would fail somewhere or mean something else. The table of README.md lists the keys
with a default; a missing list, text or object is the same as an empty one.
*/}}
{{- define "finsam.lacking" -}}
{{- $lacking := list -}}
{{- range regexFindAll "(?m)^\\| [a-zA-Z0-9.]+ \\| [a-z]+ \\| `[^`]*` \\|" (.Files.Get "README.md") -1 -}}
{{- $row := splitList " | " . -}}
{{- $parts := splitList "." (first $row | trimPrefix "| ") -}}
{{- $at := dict "value" $.Values "gone" "" -}}
{{- range $i, $part := $parts -}}
{{- if not $at.gone -}}
{{- if and (kindIs "map" $at.value) (hasKey $at.value $part) -}}
{{- $_ := set $at "value" (index $at.value $part) -}}
{{- else if or (lt (add1 $i) (len $parts)) (and (ne (index $row 1) "object") (not (regexMatch "`(\"\"|\\[\\])`" (index $row 2)))) -}}
{{- $_ := set $at "gone" (slice $parts 0 (int (add1 $i)) | join ".") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $at.gone }}{{ $lacking = append $lacking $at.gone }}{{ end -}}
{{- end -}}
{{- if $lacking -}}
{{- fail (printf "\n\nThese values lack %s: they come from an older chart, because helm upgrade --reuse-values does not bring new defaults. Use --reset-then-reuse-values (Helm 3.14), or -f with your own values.\n" (uniq $lacking | join ", ")) -}}
{{- end -}}
{{- end -}}

{{- define "finsam.wrongParts" -}}
{{- $v := .Values -}}
{{- $trust := compact (list (ternary "trust.files" "" (not (empty $v.trust.files))) (ternary "trust.existingConfigMap.name" "" (ne $v.trust.existingConfigMap.name "")) (ternary "trust.existingSecret.name" "" (ne $v.trust.existingSecret.name ""))) }}
{{ if not $trust }}No token would be accepted: set trust.existingConfigMap.name to a ConfigMap with trust.yaml, or write it under trust.files.{{ end }}
{{ if gt (len $trust) 1 }}{{ join " and " $trust }} are both set: keep the one that contains the trust file.{{ end }}
{{ if and $v.trust.files (not (hasKey $v.trust.files "trust.yaml")) }}trust.files has no trust.yaml: the gateway reads that file; others may be JWKS files that it names.{{ end }}
{{ if and (not $v.associations.files) (not $v.associations.existingConfigMap.name) }}No association would be served: set associations.existingConfigMap.name to a ConfigMap with the association files, or write them under associations.files.{{ end }}
{{ if and $v.associations.files $v.associations.existingConfigMap.name }}associations.files and associations.existingConfigMap.name are both set: keep the one that contains the associations.{{ end }}
{{ if and $v.caBundle.existingConfigMap.name $v.caBundle.existingSecret.name }}caBundle.existingConfigMap.name and caBundle.existingSecret.name are both set: keep one.{{ end }}
{{ if le (int $v.drain.graceSeconds) (int $v.drain.lingerSeconds) }}drain.graceSeconds must be longer than drain.lingerSeconds, or pods are killed with requests in progress: set it to at least {{ add (int $v.drain.lingerSeconds) 30 }}.{{ end }}
{{- end -}}

{{- define "finsam.wrongMode" -}}
{{- $v := .Values }}
{{ if eq $v.mode "services" -}}
{{ range list "gateway" "referral" "participant" "activity" -}}
{{- $s := fromYaml (include "finsam.settings" (dict "root" $ "name" .)) }}
{{ if not (include "finsam.keysSecret" (dict "root" $ "s" $s)) }}The {{ . }} needs keys: run "finsam keys --data DIR", create a Secret from the files in DIR/keys, and set keys.existingSecret.name to its name.{{ end }}
{{- end }}
{{ range list "referral" "participant" "activity" -}}
{{- $s := fromYaml (include "finsam.settings" (dict "root" $ "name" .)) }}
{{ if not (or $v.mongodb.existingSecret.name $s.mongodb.existingSecret.name) }}The {{ . }} service needs MongoDB: set mongodb.existingSecret.name to a Secret with the connection string, or choose mode: standalone.{{ end }}
{{- end }}
{{ with $v.blobs.s3 -}}
{{- $set := compact (list .endpoint .bucket .region .existingSecret.name) -}}
{{ if and $set (lt (len $set) 4) }}The bucket for attachments is incomplete: set all of blobs.s3.endpoint, bucket, region and existingSecret.name, or none of them.{{ end }}
{{- end }}
{{ if (dig "mongodb" "existingSecret" "name" "" ($v.gateway | default dict)) }}The gateway does not use MongoDB: remove gateway.mongodb.{{ end }}
{{ if $v.backup.enabled }}backup.enabled is for mode standalone only: back MongoDB up by its own tools (docs/operations/day-two.md says how), and set backup.enabled to false.{{ end }}
{{- else -}}
{{ if $v.mongodb.existingSecret.name }}Standalone keeps everything on its own volume: remove mongodb.existingSecret.name, or choose mode: services.{{ end }}
{{ range list "common" "standalone" -}}
{{ if (dig "mongodb" "existingSecret" "name" "" (index $v . | default dict)) }}Standalone keeps everything on its own volume: remove {{ . }}.mongodb, or choose mode: services.{{ end }}
{{ if (dig "autoscaling" "enabled" false (index $v . | default dict)) }}Standalone has one pod and cannot scale: remove {{ . }}.autoscaling, or choose mode: services.{{ end }}
{{ end }}
{{ if $v.redis.existingSecret.name }}Standalone has its cache in memory: remove redis.existingSecret.name, or choose mode: services.{{ end }}
{{ if $v.internalTLS.existingSecret.name }}Standalone has no connections between pods: remove internalTLS.existingSecret.name, or choose mode: services.{{ end }}
{{ if $v.blobs.s3.endpoint }}Standalone keeps attachments on its own volume: remove blobs.s3.endpoint, or choose mode: services.{{ end }}
{{ if gt (int ($v.standalone.replicas | default 1)) 1 }}Standalone has one pod, since its database is a file: remove standalone.replicas, or choose mode: services.{{ end }}
{{ if and $v.backup.enabled (not $v.persistence.enabled) }}There is nothing to back up without a volume: set persistence.enabled to true, or backup.enabled to false.{{ end }}
{{- end }}
{{- end -}}

{{- define "finsam.wrongScaling" -}}
{{- range list "gateway" "referral" "participant" "activity" -}}
{{- $a := (fromYaml (include "finsam.settings" (dict "root" $ "name" .))).autoscaling -}}
{{- if and (eq $.Values.mode "services") $a.enabled }}
{{ if gt (int $a.minReplicas) (int $a.maxReplicas) }}{{ . }}.autoscaling: minReplicas ({{ int $a.minReplicas }}) is more than maxReplicas ({{ int $a.maxReplicas }}): swap them.{{ end }}
{{ if and $a.inFlight.enabled (not $a.inFlight.metric) }}{{ . }}.autoscaling.inFlight is enabled without a metric: name it in {{ . }}.autoscaling.inFlight.metric, or enable inFlight for the gateway only.{{ end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "finsam.wrongDoors" -}}
{{- $v := .Values }}
{{ if and $v.ingress.enabled (not $v.ingress.host) }}The Ingress needs a host: set ingress.host, such as finsam.example.se.{{ end }}
{{ if and (or $v.ingress.enabled $v.gatewayAPI.enabled) (not $v.api.trustedProxies) }}All callers behind the {{ ternary "Ingress" "HTTPRoute" $v.ingress.enabled }} would have one address and share its limits, so that one who sends bad tokens shuts out others: set api.trustedProxies to the network of the {{ ternary "ingress controller's" "Gateway's" $v.ingress.enabled }} pods, such as [10.0.0.0/8].{{ end }}
{{ if and $v.gatewayAPI.enabled (not $v.gatewayAPI.parentRefs) }}The HTTPRoute joins no Gateway: set gatewayAPI.parentRefs, such as [{name: public, namespace: gateways}].{{ end }}
{{ range fromJsonArray (include "finsam.workloads" .) -}}
{{- $type := (fromYaml (include "finsam.settings" (dict "root" $ "name" .))).service.type }}
{{ if and $v.monitoring.serviceMonitor.enabled (ne $type "ClusterIP") }}{{ . }}.service.type {{ $type }} would expose /metrics to the world, so its Service has no port for Prometheus: set it to ClusterIP and use an Ingress or an HTTPRoute, or turn monitoring.serviceMonitor off.{{ end }}
{{- end }}
{{ if and $v.telemetry.headers.existingSecret.name (not $v.telemetry.endpoint) }}telemetry.headers are set without a collector: set telemetry.endpoint, or remove them.{{ end }}
{{- end -}}

{{/* Connections to the outside. Secrets come by reference only, and are never repeated. */}}
{{- define "finsam.wrongOutside" -}}
{{- $v := .Values }}
{{ range $key, $variable := dict "proxy.http" "HTTP_PROXY" "proxy.https" "HTTPS_PROXY" "webhooks.proxy" "FINSAM_WEBHOOK_PROXY" -}}
{{- $at := splitList "." $key -}}
{{- if contains "@" (index $v (first $at) (last $at) | default "") }}{{ $key }} contains a password, and no value may: remove it, and set {{ $variable }} from a Secret in {{ ternary "common" (ternary "standalone" "referral" (eq $v.mode "standalone")) (hasPrefix "proxy" $key) }}.extraEnv with valueFrom.secretKeyRef.{{ end }}
{{ end }}
{{ if contains "@" (default "" $v.telemetry.endpoint) }}telemetry.endpoint contains a password, and no value may: remove it, and name a Secret with the header in telemetry.headers.existingSecret.name.{{ end }}
{{ if hasKey (default dict $v.telemetry.env) "OTEL_EXPORTER_OTLP_ENDPOINT" }}telemetry.env.OTEL_EXPORTER_OTLP_ENDPOINT is what telemetry.endpoint sets, together with the network policy: move it there.{{ end }}
{{ range $name, $_ := $v.telemetry.env -}}
{{- if hasSuffix "_HEADERS" $name }}telemetry.env.{{ $name }} may contain a secret, and no value may: remove it, and name a Secret in telemetry.headers.existingSecret.name, or for one signal in common.extraEnv with valueFrom.secretKeyRef.{{ end }}
{{ end }}
{{- end -}}
