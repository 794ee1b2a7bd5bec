{{/*
The workloads, written once. A template of a workload is one line:
  {{ include "finsam.workload" (dict "root" $ "name" "gateway") }}
*/}}

{{/* How the programs differ: what each mounts, and whom it calls. */}}
{{- define "finsam.facts" -}}
gateway:
  args: [gateway]
  front: true
  redis: true
  keysDir: /etc/finsam/keys
  keys: [gateway.key, internal-jwks.json]
  peers: [referral, participant, activity]
referral:
  args: [referral]
  store: true
  blobs: true
  keysDir: /etc/finsam/keys
  keys: [referral.key, internal-jwks.json, seal.json, prf.json]
  peers: [participant, activity]
participant:
  args: [participant]
  store: true
  keysDir: /etc/finsam/keys
  keys: [participant.key, internal-jwks.json, seal.json, prf.json]
  peers: [referral, activity]
activity:
  args: [activity]
  store: true
  keysDir: /etc/finsam/keys
  keys: [activity.key, internal-jwks.json, seal.json, prf.json]
  associations: /etc/finsam/associations
  peers: [participant]
standalone:
  args: [serve, --data=/data, "--addr=:8080", "--admin-addr=:9090", --trust=/etc/finsam/trust/trust.yaml]
  front: true
  data: true
  keysDir: /data/keys
  keys: [gateway.key, referral.key, participant.key, activity.key, internal-jwks.json, seal.json, prf.json]
  associations: /data/associations
  peers: []
{{- end -}}

{{/* The settings of a workload: common, its own values over them, and the extra* lists of both. */}}
{{- define "finsam.settings" -}}
{{- $own := index .root.Values .name | default dict -}}
{{- $s := mergeOverwrite (deepCopy .root.Values.common) (deepCopy $own) -}}
{{- range list "extraEnv" "extraEnvFrom" "extraVolumes" "extraVolumeMounts" -}}
{{- $_ := set $s . (concat (index $.root.Values.common . | default list) (index $own . | default list)) -}}
{{- end -}}
{{- toYaml $s -}}
{{- end -}}

{{- define "finsam.serviceAccountName" -}}
{{- if .s.serviceAccount.name -}}
{{- .s.serviceAccount.name -}}
{{- else -}}
{{- ternary (printf "%s-%s" (include "finsam.fullname" .root) .name) "default" .s.serviceAccount.create -}}
{{- end -}}
{{- end -}}

{{/* Every object of a workload. */}}
{{- define "finsam.workload" -}}
{{- if has .name (fromJsonArray (include "finsam.workloads" .root)) -}}
{{- $c := dict "root" .root "name" .name
  "facts" (index (fromYaml (include "finsam.facts" .root)) .name)
  "s" (fromYaml (include "finsam.settings" .))
  "object" (printf "%s-%s" (include "finsam.fullname" .root) .name) -}}
{{- ternary (include "finsam.statefulSet" $c) (include "finsam.deployment" $c) (not (not $c.facts.data)) }}
---
{{ include "finsam.service" $c }}
{{- range list "finsam.serviceAccount" "finsam.autoscaler" "finsam.budget" "finsam.policy" "finsam.monitor" }}
{{- with include . $c }}
---
{{ . }}
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}

{{- define "finsam.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "finsam.metadata" (merge (dict "annotations" .s.annotations) .) | nindent 2 }}
spec:
  {{- if not .s.autoscaling.enabled }}
  replicas: {{ int .s.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  # A rollout is given up no sooner than a pod that starts.
  progressDeadlineSeconds: {{ add 60 (mul (dig "periodSeconds" 10 (default dict .s.probes.startup)) (dig "failureThreshold" 3 (default dict .s.probes.startup))) }}
  strategy: { type: RollingUpdate, rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }
  selector:
    matchLabels:
      {{- include "finsam.selector" . | nindent 6 }}
  template:
    {{- include "finsam.pod" . | nindent 4 }}
{{- end -}}

{{- define "finsam.statefulSet" -}}
{{- $p := .root.Values.persistence -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  {{- include "finsam.metadata" (merge (dict "annotations" .s.annotations) .) | nindent 2 }}
spec:
  replicas: 1
  serviceName: {{ .object }}
  revisionHistoryLimit: 5
  selector:
    matchLabels:
      {{- include "finsam.selector" . | nindent 6 }}
  template:
    {{- include "finsam.pod" . | nindent 4 }}
  {{- if and $p.enabled (not $p.existingClaim) }}
  persistentVolumeClaimRetentionPolicy: { whenDeleted: {{ $p.whenDeleted }}, whenScaled: Retain }
  volumeClaimTemplates:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata:
        name: data
        labels:
          {{- include "finsam.selector" . | nindent 10 }}
        {{- with $p.annotations }}
        annotations:
          {{- toYaml . | nindent 10 }}
        {{- end }}
      spec:
        accessModes: [ReadWriteOnce]
        {{- with $p.storageClassName }}
        storageClassName: {{ . }}
        {{- end }}
        resources: { requests: { storage: {{ $p.size }} } }
  {{- end }}
{{- end -}}

{{- define "finsam.service" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "finsam.metadata" (merge (dict "annotations" .s.service.annotations "labels" .s.service.labels) .) | nindent 2 }}
spec:
  type: {{ .s.service.type }}
  selector:
    {{- include "finsam.selector" . | nindent 4 }}
  ports:
    - { name: http, port: {{ int .s.service.port }}, targetPort: http, appProtocol: {{ ternary "https" "http" (and (not .facts.front) (not (empty .root.Values.internalTLS.existingSecret.name))) }} }
    {{- if eq .s.service.type "ClusterIP" }}
    - { name: admin, port: 9090, targetPort: admin, appProtocol: http }
    {{- end }}
{{- end -}}

{{- define "finsam.serviceAccount" -}}
{{- if .s.serviceAccount.create -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "finsam.metadata" (merge (dict "annotations" .s.serviceAccount.annotations "object" (include "finsam.serviceAccountName" .)) .) | nindent 2 }}
automountServiceAccountToken: false
{{- end -}}
{{- end -}}

{{- define "finsam.autoscaler" -}}
{{- if and .s.autoscaling.enabled (not .facts.data) -}}
{{- $a := .s.autoscaling -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "finsam.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: {{ .object }} }
  minReplicas: {{ int $a.minReplicas }}
  maxReplicas: {{ int $a.maxReplicas }}
  metrics:
    - type: Resource
      resource: { name: cpu, target: { type: Utilization, averageUtilization: {{ int $a.targetCPUUtilizationPercentage }} } }
    {{- if $a.inFlight.enabled }}
    - type: Pods
      pods:
        metric: { name: {{ $a.inFlight.metric }} }
        target: { type: AverageValue, averageValue: {{ $a.inFlight.averageValue | quote }} }
    {{- end }}
  {{- with $a.behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- define "finsam.budget" -}}
{{- if and .s.podDisruptionBudget.enabled (not .facts.data) -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "finsam.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ .s.podDisruptionBudget.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "finsam.selector" . | nindent 6 }}
{{- end -}}
{{- end -}}

{{- define "finsam.monitor" -}}
{{- with .root.Values.monitoring.serviceMonitor -}}
{{- if .enabled -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "finsam.metadata" (merge (dict "annotations" .annotations "labels" .labels) $) | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "finsam.selector" $ | nindent 6 }}
  endpoints:
    - port: admin
      path: /metrics
      interval: {{ .interval }}
      scrapeTimeout: {{ .scrapeTimeout }}
      {{- with .relabelings }}
      relabelings:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .metricRelabelings }}
      metricRelabelings:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end -}}
{{- end -}}
{{- end -}}
