// Service Bus Premium, and with a second region its twin, behind an alias that moves from the one to the other.
// The alias carries topics and subscriptions over, not the messages that wait in them.
param tags object
@description('Followed by the region in the name of each namespace; alone it is the name of the alias.')
param name string
@description('One or two; the first has the messages.')
@minLength(1)
@maxLength(2)
param regions string[]
@description('Messaging units of each.')
param capacity int
@description('Of the private endpoints, with their subnet.')
param location string
param subnetId string
param workspaceId string

var paired = length(regions) == 2

resource namespaces 'Microsoft.ServiceBus/namespaces@2024-01-01' = [for region in regions: {
  name: '${name}-${region}'
  location: region
  tags: tags
  sku: {
    name: 'Premium'
    tier: 'Premium'
    capacity: capacity
  }
  properties: {
    zoneRedundant: true
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: 'Disabled'
  }
}]

resource alias 'Microsoft.ServiceBus/namespaces/disasterRecoveryConfigs@2024-01-01' = if (paired) {
  parent: namespaces[0]
  name: name
  properties: {
    partnerNamespace: namespaces[length(regions) - 1].id
  }
}

module topics 'topics.bicep' = {
  name: 'topics'
  params: {
    namespaceName: namespaces[0].name
  }
  dependsOn: [alias]
}

module endpoint 'endpoint.bicep' = [for (region, index) in regions: {
  name: 'endpoint-servicebus-${region}'
  params: {
    location: location
    tags: tags
    name: namespaces[index].name
    subnetId: subnetId
    target: namespaces[index].id
    group: 'namespace'
  }
}]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = [for (region, index) in regions: {
  scope: namespaces[index]
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}]

output names string[] = [for (region, index) in regions: namespaces[index].name]
output host string = '${paired ? alias.name : namespaces[0].name}.servicebus.windows.net'
