{{/*
What does not fit together in the values, each as "- where: what; what to do". Everything is looked at before anything is refused.
Types, unknown keys and patterns are values.schema.json's business.
*/}}
{{- define "agents.problems" -}}
{{- $v := .Values -}}
{{- $prod := eq $v.environment "prod" -}}
{{- $azure := eq $v.components.set "azure" -}}
{{- $vault := eq $v.secrets.source "keyVault" -}}
{{- $declared := (.Files.Get "files/declared.yaml" | fromYaml).agents -}}

{{- /* Agents */ -}}
{{- $seen := dict -}}
{{- range $number, $agent := $v.agents }}
{{- if hasKey $seen .name }}
- agents[{{ $number }}].name: the app-id {{ .name | quote }} is agents[{{ get $seen .name }}]'s already, and two agents would share work and state; give one of them another name
{{- else }}
{{- $_ := set $seen .name $number }}
{{- end }}
{{- if not (or (hasKey $declared .name) (and .target .publishes .subscribes)) }}
- agents[{{ $number }}].name: {{ .name | quote }} is no agent of this repository (it has {{ keys $declared | sortAlpha | join ", " }}); mend the name, add it to dapr.yaml and run `python -m deploy.declared`, or give target, publishes and subscribes here
{{- end }}
{{- end }}
{{- range $name, $_ := $v.identities }}
{{- if not (hasKey $seen $name) }}
- identities.{{ $name }}: no agent has this name; mend the name, or take the entry out
{{- end }}
{{- end }}
{{- range include "agents.all" . | fromJsonArray }}
{{- if and (or $azure $vault) (not .clientId) }}
- identities.{{ .name }}: is missing, and without a managed identity the agent reaches nothing on Azure, its secrets neither; give the client id of the identity that is federated with the service account {{ $.Release.Namespace }}/{{ .name }}
{{- end }}
{{- $name := .name }}
{{- with .autoscaling }}
{{- if gt (int .min) (int .max) }}
- autoscaling of {{ $name }}: min {{ .min }} is above max {{ .max }}; lower min or raise max
{{- end }}
{{- if and $prod (or (lt (int .min) 3) (not .enabled)) }}
- autoscaling of {{ $name }}: prod needs at least 3 replicas, one a zone, and a scaler; set autoscaling.enabled: true and autoscaling.min: 3
{{- end }}
{{- end }}
{{- range .egress }}{{ include "agents.egressProblem" (list . "agents[].egress") }}{{ end }}
{{- if eq $v.secrets.source "existing" }}
{{- range $name, $secret := .secretEnv }}
{{- if not (regexMatch "^[a-z0-9.-]+/[A-Za-z0-9._-]+$" $secret) }}
- secrets.env.{{ $name }}: {{ $secret | quote }} names no key of a Secret; write it as secret/key
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Image */ -}}
{{- if and $prod (not $v.image.digest) }}
- image.digest: is missing, and in prod a tag may be moved under running pods; give the digest that the build printed: --set image.digest=sha256:…
{{- end }}
{{- if and (eq $v.image.tag "latest") (not $v.image.digest) }}
- image.tag: latest is another image tomorrow; name a version, or give image.digest
{{- end }}

{{- /* Secrets and identity */ -}}
{{- if and $prod (not $vault) }}
- secrets.source: is {{ $v.secrets.source }}, and in prod the API tokens come from a key vault; set secrets.source: keyVault
{{- end }}
{{- if $vault }}
{{- range $key := list "name" "tenantId" }}
{{- if not (get $v.secrets.keyVault $key) }}
- secrets.keyVault.{{ $key }}: is missing, and without it there are no API tokens; give the {{ ternary "name of the key vault" "id of its tenant" (eq $key "name") }}
{{- end }}
{{- end }}
{{- end }}

{{- if ne (empty $v.login.issuer) (empty $v.login.audience) }}
- login: issuer and audience belong together, since a token for any other audience is no token for these agents; give both
{{- end }}
{{- if and $prod (not $v.login.issuer) (not $v.login.keysSecret) }}
- login.issuer: is missing, and in prod callers log in; give login.issuer and login.audience, or login.keysSecret
{{- end }}

{{- /* Models: the file is no part of any values file, so that a release brings that of its own version. */ -}}
{{- $asked := regexFindAll `\$\{\w+\}` (regexReplaceAll `(?m)(^|\s)#.*$` $v.models "") -1 -}}
{{- $unbounded := list -}}
{{- $unset := list -}}
{{- range include "agents.all" . | fromJsonArray }}
{{- if and (eq (get .env "LLM_PROVIDER") "azure-openai") (not $v.models) }}{{ $unbounded = append $unbounded .name }}{{ end -}}
{{- $given := merge (deepCopy .secretEnv) .env -}}
{{- range $asked }}
{{- $name := trimAll "${}" . -}}
{{- if not (get $given $name) }}{{ $unset = append $unset $name }}{{ end -}}
{{- end }}
{{- end }}
{{- with $unbounded }}
- models: is missing, and {{ join ", " . }} would ask Azure OpenAI without limits, budgets and fallback; give the file, at every upgrade too: --set-file models=models/azure.yaml, or with one region models/azure-one-region.yaml
{{- end }}
{{- range uniq $unset }}
- models: asks for {{ . }}, which not every agent has in its env; give env.{{ . }}, or a file that does without, which for one region is --set-file models=models/azure-one-region.yaml
{{- end }}

{{- /* Components */ -}}
{{- $set := get $v.components $v.components.set -}}
{{- $names := list -}}
{{- range include "agents.declaredComponents" . | fromJsonArray }}
{{- if eq .kind "Component" }}
{{- $component := .metadata.name }}
{{- $names = append $names $component }}
{{- $given := get $set $component | default dict }}
{{- range .spec.metadata }}
{{- if and .envRef (not (hasKey $given .name)) }}
- components.{{ $v.components.set }}.{{ $component }}.{{ .name }}: is missing; give it here, since sidecars in the cluster have no {{ .envRef }}
{{- end }}
{{- if and (eq .name "processingTimeout") (ne (mulf $v.timing.redeliveryAfter 1000 | int64) (int64 .value)) }}
- timing.redeliveryAfter: is {{ $v.timing.redeliveryAfter }} s, but {{ $component }} offers a message again after its processingTimeout, {{ .value }} ms; set them alike
{{- end }}
{{- end }}
{{- range $name, $value := $given }}
{{- if not $value }}
- components.{{ $v.components.set }}.{{ $component }}.{{ $name }}: is empty; give its value, or {secretKeyRef: {name: …, key: …}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $_ := $set }}
{{- if not (has $name $names) }}
- components.{{ $v.components.set }}.{{ $name }}: there is no such component in components/{{ $v.components.set }} (it has {{ join ", " $names }}); mend the name
{{- end }}
{{- end }}

{{- /* Times */ -}}
{{- if gt (float64 $v.timing.lease) (mulf 0.8 $v.timing.redeliveryAfter) }}
- timing.lease: {{ $v.timing.lease }} s is above 80 % of timing.redeliveryAfter ({{ $v.timing.redeliveryAfter }} s), so a redelivery could not wait for its owner to be declared lost; lower it, and the app refuses it too
{{- end }}
{{- if lt (float64 $v.shutdown.grace) (float64 $v.timing.lease) }}
- shutdown.grace: {{ $v.shutdown.grace }} s is below timing.lease ({{ $v.timing.lease }} s), so handing work back would be no faster than being killed; raise it to {{ $v.timing.lease }} or more
{{- end }}

{{- /* Ways in and out */ -}}
{{- if ne $v.expose.kind "none" }}
{{- if not $v.expose.host }}
- expose.host: is missing; give the host name under which people reach the agents, or set expose.kind: none
{{- end }}
{{- if and (eq $v.expose.kind "ingress") (not $v.expose.ingress.tlsSecret) }}
- expose.ingress.tlsSecret: is missing, and API tokens would travel in the clear; name a Secret of type kubernetes.io/tls
{{- end }}
{{- if and (eq $v.expose.kind "gateway") (not (and $v.expose.gateway.name $v.expose.gateway.namespace)) }}
- expose.gateway: name or namespace is missing; give those of the Gateway whose listener {{ $v.expose.gateway.section }} ends TLS
{{- end }}
{{- end }}
{{- if and $prod (not $v.network.enabled) }}
- network.enabled: is false, and in prod everything that is not needed is denied; set it to true
{{- end }}
{{- range $v.network.egress }}{{ include "agents.egressProblem" (list . "network.egress") }}{{ end }}

{{- /* Resiliency */ -}}
{{- range $name, $target := dig "targets" "components" dict $v.dapr.resiliency }}
{{- if or (hasKey $target "inbound") (eq $name "agents-statestore") }}
- dapr.resiliency.targets.components.{{ $name }}: an inbound policy, or one on the state store, repeats what the agents count themselves and loses or doubles work (docs/adr/0006); take it out
{{- end }}
{{- end }}
{{- end -}}

{{- define "agents.egressProblem" -}}
{{- $entry := index . 0 -}}
{{- if not (or $entry.namespace $entry.cidrs) }}
- {{ index . 1 }} ({{ $entry.to }}): leads nowhere; give namespace or cidrs
{{- end }}
{{- if and (has "0.0.0.0/0" ($entry.cidrs | default list)) (not (has "169.254.0.0/16" ($entry.except | default list))) }}
- {{ index . 1 }} ({{ $entry.to }}): 0.0.0.0/0 includes the node's metadata service, which gives out its identity; name narrower cidrs, or add 169.254.0.0/16 to except
{{- end }}
{{- end -}}
