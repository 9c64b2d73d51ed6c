{{/* Every agent as JSON: what the repository declares of it, agentDefaults, and over both its own entry. */}}
{{- define "agents.all" -}}
{{- $declared := (.Files.Get "files/declared.yaml" | fromYaml).agents -}}
{{- $all := list -}}
{{- range .Values.agents -}}
{{- $known := get $declared .name | default dict -}}
{{- $agent := mergeOverwrite (deepCopy $known) (deepCopy $.Values.agentDefaults) (deepCopy .) -}}
{{- $_ := set $agent "clientId" (get $.Values.identities .name | default "") -}}
{{- $_ := set $agent "env" (mergeOverwrite (deepCopy $.Values.env) (deepCopy $agent.env)) -}}
{{- $_ := set $agent "secretEnv" (mergeOverwrite (deepCopy $.Values.secrets.env) (deepCopy $agent.secretEnv)) -}}
{{- $all = append $all $agent -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{/* How a pod ends, in seconds from the moment Kubernetes asks it to; README.md has the calculation. */}}
{{- define "agents.shutdown" -}}
{{- $s := .Values.shutdown -}}
{{- $app := add $s.preStop $s.grace $s.settle -}}
{{- dict "appGone" $app "podGone" (add $app $s.sidecar $s.reserve) | toJson -}}
{{- end -}}

{{/* The documents of components/<set>, as JSON. */}}
{{- define "agents.declaredComponents" -}}
{{- $documents := list -}}
{{- range $path, $_ := .Files.Glob (printf "files/components/%s/*.yaml" .Values.components.set) -}}
{{- $documents = append $documents ($.Files.Get $path | fromYaml) -}}
{{- end -}}
{{- toJson $documents -}}
{{- end -}}

{{/* Names of all agents, as JSON: the scopes of everything that they share. */}}
{{- define "agents.names" -}}
{{- $names := list -}}
{{- range .Values.agents }}{{ $names = append $names .name }}{{ end -}}
{{- toJson $names -}}
{{- end -}}

{{/* Which topics each agent may use, in Dapr's form `agent=topic,topic;agent=…`: (list agents key). */}}
{{- define "agents.topicScopes" -}}
{{- $key := index . 1 -}}
{{- $scopes := list -}}
{{- range index . 0 -}}
{{- $scopes = append $scopes (printf "%s=%s" .name (join "," (get . $key))) -}}
{{- end -}}
{{- join ";" $scopes -}}
{{- end -}}

{{- define "agents.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Labels of what all agents share; the part-of label selects the pods of this release. */}}
{{- define "agents.partOf" -}}
app.kubernetes.io/part-of: agents
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "agents.labels" -}}
{{ include "agents.partOf" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{/* What selects the pods of one agent: (dict "root" $ "agent" agent). */}}
{{- define "agents.selector" -}}
app.kubernetes.io/name: {{ .agent.name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end -}}

{{- define "agents.agentLabels" -}}
app.kubernetes.io/name: {{ .agent.name }}
{{ include "agents.labels" .root }}
{{- end -}}

{{/* Names of the Kubernetes Secrets with an agent's tokens. From a key vault each agent has its own copies. */}}
{{- define "agents.daprApiToken" -}}
{{- if eq .root.Values.secrets.source "keyVault" }}{{ .agent.name }}-dapr-api-token{{ else }}{{ .root.Values.secrets.existing.daprApiToken }}{{ end -}}
{{- end -}}
{{- define "agents.appApiToken" -}}
{{- if eq .root.Values.secrets.source "keyVault" }}{{ .agent.name }}-app-api-token{{ else }}{{ .root.Values.secrets.existing.appApiToken }}{{ end -}}
{{- end -}}

{{/* Ways out, as NetworkPolicy has them, from entries of network.egress. */}}
{{- define "agents.egress" -}}
{{- range . }}
# {{ .to }}
- to:
    {{- if .namespace }}
    - namespaceSelector:
        matchLabels: {kubernetes.io/metadata.name: {{ .namespace }}}
    {{- end }}
    {{- $except := .except }}
    {{- range .cidrs }}
    - ipBlock:
        cidr: {{ . }}
        {{- with $except }}
        except: {{ toJson . }}
        {{- end }}
    {{- end }}
  ports:
    {{- range .ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end }}
{{- end -}}
