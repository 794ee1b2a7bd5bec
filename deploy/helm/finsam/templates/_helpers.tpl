{{/* Names, labels and the image: what every object shares. */}}

{{- define "finsam.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "finsam.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "finsam.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The workloads of the mode, as a YAML list. */}}
{{- define "finsam.workloads" -}}
{{- ternary (list "standalone") (list "gateway" "referral" "participant" "activity") (eq .Values.mode "standalone") | toJson -}}
{{- end -}}

{{/* The workload that callers come to. */}}
{{- define "finsam.front" -}}
{{- ternary "standalone" "gateway" (eq .Values.mode "standalone") -}}
{{- end -}}

{{/* What selects all pods of the release, or with .name those of one workload. */}}
{{- define "finsam.selector" -}}
app.kubernetes.io/name: {{ include "finsam.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .name }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{/* Labels of an object; .name is its workload, .extra are more labels. */}}
{{- define "finsam.labels" -}}
{{- $own := fromYaml (include "finsam.selector" .) -}}
{{- $own = merge $own (dict
  "app.kubernetes.io/version" (.root.Values.image.tag | default .root.Chart.AppVersion | trunc 63)
  "app.kubernetes.io/part-of" "finsam"
  "app.kubernetes.io/managed-by" .root.Release.Service
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63)) -}}
{{- merge $own (default dict .extra) (default dict .root.Values.commonLabels) | toYaml -}}
{{- end -}}

{{/* metadata of an object: dict root, name (of the workload or ""), object (its own name), labels, annotations. */}}
{{- define "finsam.metadata" -}}
name: {{ .object }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "finsam.labels" (dict "root" .root "name" .name "extra" .labels) | nindent 2 }}
{{- with merge (dict) (default dict .annotations) (default dict .root.Values.commonAnnotations) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "finsam.image" -}}
{{- $registry := .Values.global.imageRegistry | default .Values.image.registry -}}
{{- $path := ternary (printf "%s/%s" $registry .Values.image.repository) .Values.image.repository (ne $registry "") -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $path .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $path (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* Pull secrets of a pod; parents give them as objects or, as some charts want it, as names. */}}
{{- define "finsam.pullSecrets" -}}
{{- with .Values.global.imagePullSecrets -}}
imagePullSecrets:
{{- range . }}
  - name: {{ if kindIs "string" . }}{{ . }}{{ else }}{{ .name }}{{ end }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* The names of the ConfigMaps and Secrets that hold trust, associations and the CA bundle. */}}
{{- define "finsam.trustVolume" -}}
{{- if .Values.trust.existingSecret.name -}}
secret: { secretName: {{ .Values.trust.existingSecret.name }}, defaultMode: 0440 }
{{- else -}}
configMap: { name: {{ .Values.trust.existingConfigMap.name | default (printf "%s-trust" (include "finsam.fullname" .)) }} }
{{- end -}}
{{- end -}}

{{- define "finsam.associationsVolume" -}}
configMap: { name: {{ .Values.associations.existingConfigMap.name | default (printf "%s-associations" (include "finsam.fullname" .)) }} }
{{- end -}}

{{- define "finsam.hasCA" -}}
{{- if or .Values.caBundle.existingConfigMap.name .Values.caBundle.existingSecret.name -}}true{{- end -}}
{{- end -}}

{{- define "finsam.caVolume" -}}
{{- with .Values.caBundle.existingConfigMap -}}
{{- if .name -}}
configMap: { name: {{ .name }}, items: [{ key: {{ .key }}, path: ca.crt }] }
{{- end -}}
{{- end -}}
{{- with .Values.caBundle.existingSecret -}}
{{- if .name -}}
secret: { secretName: {{ .name }}, items: [{ key: {{ .key }}, path: ca.crt }], defaultMode: 0440 }
{{- end -}}
{{- end -}}
{{- end -}}
