// Everything that the agents need on Azure, in one resource group: docs/azure-infrastructure.md.
targetScope = 'resourceGroup'

@allowed(['dev', 'staging', 'prod'])
param environmentName string
@description('Of the cluster, and of all that has no region of its own.')
param location string = resourceGroup().location
@description('What holds events and state: Service Bus and Cosmos DB, or Managed Redis; components.set of the chart.')
@allowed(['azure', 'redis'])
param components string
@description('The first is the active one, a second one its twin; after a fail-over they change places.')
param serviceBusRegions string[] = [location]
@description('The first writes, a second one takes over. They stay as they are: Cosmos DB itself moves the writing.')
param cosmosRegions string[] = [location]
@description('Regions of Azure OpenAI in the order of models/azure.yaml; one: models/azure-one-region.yaml; none: the models run elsewhere.')
@maxLength(2)
param openAiRegions string[] = [location]
param openAiModel {
  name: string
  version: string
  sku: string
  capacity: int
} = {
  name: 'gpt-4o-mini'
  version: '2024-07-18'
  sku: 'Standard'
  capacity: 200
}

param kubernetesVersion string = '1.34'
@description('Of the AKS extension Microsoft.Dapr: the version that docs/kubernetes.md says was tried.')
param daprVersion string = '1.16.0'
param nodes {
  size: string
  min: int
  max: int
} = {
  size: 'Standard_D4s_v5'
  min: 3
  max: 10
}
@description('Object id of the Entra group that administers the cluster.')
param adminGroupId string
param privateApi bool = true
@description('Who may reach the API server when it is public.')
param apiRanges string[] = []
@description('Where the chart is installed: the agents\' identities trust service accounts of this namespace.')
param kubernetesNamespace string = 'agents'

@description('One messaging unit carries about 4 MB/s (docs/capacity.md).')
param serviceBusCapacity int = 1
@allowed(['serverless', 'autoscale'])
param cosmosMode string = 'autoscale'
param cosmosMaxThroughput int = 4000
param redisSku string = 'Balanced_B5'

@description('The host name under which people reach the agents.')
param host string
@description('Id of the application whose tokens open the agents\' API.')
param loginAudience string
@description('Where Front Door finds the ingress or gateway; empty: no Front Door.')
param frontDoorOrigin string = ''

@description('{amount, from, contacts}: a month, the first day of the first month, addresses.')
param budget {
  amount: int
  from: string
  contacts: string[]
}
param logRetentionDays int = 30
param addressPrefix string = '10.20.0.0/16'
param nodesPrefix string = '10.20.0.0/22'
param endpointsPrefix string = '10.20.4.0/24'

// Every name and every tag comes from here. What the whole world shares a name space with ends in six letters of its own.
var name = 'agents-${environmentName}'
var unique = '${name}-${take(uniqueString(resourceGroup().id), 6)}'
var tags = {
  application: 'agents'
  environment: environmentName
  'managed-by': 'bicep'
}

// What the agents declare: who publishes and who receives what. The chart has the same file.
var declared = items(loadYamlContent('../helm/agents/files/declared.yaml').agents)
var onAzure = components == 'azure'

module network 'modules/network.bicep' = {
  name: 'network'
  params: {
    location: location
    tags: tags
    name: name
    addressPrefix: addressPrefix
    nodesPrefix: nodesPrefix
    endpointsPrefix: endpointsPrefix
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    location: location
    tags: tags
    name: name
    retentionDays: logRetentionDays
  }
}

module aks 'modules/aks.bicep' = {
  name: 'aks'
  params: {
    location: location
    tags: tags
    name: 'aks-${name}'
    networkName: network.outputs.networkName
    subnetId: network.outputs.nodesSubnetId
    workspaceId: monitoring.outputs.workspaceId
    kubernetesNamespace: kubernetesNamespace
    adminGroupId: adminGroupId
    privateApi: privateApi
    apiRanges: apiRanges
    kubernetesVersion: kubernetesVersion
    daprVersion: daprVersion
    nodes: nodes
  }
}

module registry 'modules/registry.bicep' = {
  name: 'registry'
  params: {
    location: location
    tags: tags
    name: replace(unique, '-', '')
    pullerId: aks.outputs.kubeletPrincipalId
    subnetId: network.outputs.endpointsSubnetId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module keyVault 'modules/keyvault.bicep' = {
  name: 'keyvault'
  params: {
    location: location
    tags: tags
    name: 'kv-${unique}'
    subnetId: network.outputs.endpointsSubnetId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module openAi 'modules/openai.bicep' = [for region in openAiRegions: {
  name: 'openai-${region}'
  params: {
    tags: tags
    name: 'oai-${unique}-${region}'
    region: region
    model: openAiModel
    location: location
    subnetId: network.outputs.endpointsSubnetId
    workspaceId: monitoring.outputs.workspaceId
  }
}]

module serviceBus 'modules/servicebus.bicep' = if (onAzure) {
  name: 'servicebus'
  params: {
    tags: tags
    name: 'sb-${unique}'
    regions: serviceBusRegions
    capacity: serviceBusCapacity
    location: location
    subnetId: network.outputs.endpointsSubnetId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module cosmos 'modules/cosmos.bicep' = if (onAzure) {
  name: 'cosmos'
  params: {
    tags: tags
    name: 'cosmos-${unique}'
    regions: cosmosRegions
    mode: cosmosMode
    maxThroughput: cosmosMaxThroughput
    location: location
    subnetId: network.outputs.endpointsSubnetId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module agents 'modules/agent.bicep' = [for agent in declared: {
  name: 'agent-${agent.key}'
  params: {
    location: location
    tags: tags
    agent: agent.key
    name: name
    kubernetesNamespace: kubernetesNamespace
    oidcIssuer: aks.outputs.oidcIssuer
    keyVaultName: keyVault.outputs.name
    openAiNames: [for (region, index) in openAiRegions: openAi[index].outputs.name]
  }
}]

module access 'modules/access.bicep' = [for (agent, index) in declared: if (onAzure) {
  name: 'access-${agent.key}'
  params: {
    agent: agent.key
    principalId: agents[index].outputs.principalId
    publishes: agent.value.publishes
    subscribes: agent.value.subscribes
    serviceBusNames: serviceBus!.outputs.names
    cosmosName: cosmos!.outputs.name
    cosmosDatabase: cosmos!.outputs.database
    cosmosContainer: cosmos!.outputs.container
  }
}]

module redis 'modules/redis.bicep' = if (!onAzure) {
  name: 'redis'
  params: {
    location: location
    tags: tags
    name: 'redis-${unique}'
    sku: redisSku
    subnetId: network.outputs.endpointsSubnetId
    workspaceId: monitoring.outputs.workspaceId
    agents: [for (agent, index) in declared: {
      name: agent.key
      principalId: agents[index].outputs.principalId
    }]
  }
}

module frontDoor 'modules/frontdoor.bicep' = if (frontDoorOrigin != '') {
  name: 'frontdoor'
  params: {
    tags: tags
    name: unique
    host: host
    originAddress: frontDoorOrigin
    workspaceId: monitoring.outputs.workspaceId
  }
}

module costs 'modules/budget.bicep' = {
  name: 'budget'
  params: {
    name: name
    amount: budget.amount
    from: budget.from
    contacts: budget.contacts
  }
}

// What the chart has to be told: `python -m deploy.outputs` makes a values file of it.
output environmentName string = environmentName
output components string = components
output registry string = registry.outputs.loginServer
output identities array = [for (agent, index) in declared: {
  agent: agent.key
  clientId: agents[index].outputs.clientId
}]
output keyVault string = keyVault.outputs.name
output tenantId string = tenant().tenantId
output loginIssuer string = '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
output loginAudience string = loginAudience
output host string = host
output endpointsPrefix string = endpointsPrefix
output openAi array = [for (region, index) in openAiRegions: {
  endpoint: openAi[index].outputs.endpoint
  deployment: openAi[index].outputs.deployment
}]
output serviceBus string = onAzure ? serviceBus!.outputs.host : ''
output cosmosUrl string = onAzure ? cosmos!.outputs.url : ''
output cosmosDatabase string = onAzure ? cosmos!.outputs.database : ''
output cosmosContainer string = onAzure ? cosmos!.outputs.container : ''
output redis string = onAzure ? '' : redis!.outputs.address
