// Azure Managed Redis instead of Service Bus and Cosmos DB: components.set: redis, with an identity for each agent and no key.
param location string
param tags object
param name string
param sku string
param subnetId string
param workspaceId string
@description('{name, principalId} of each agent.')
param agents {
  name: string
  principalId: string
}[]

resource cluster 'Microsoft.Cache/redisEnterprise@2025-04-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: sku
  }
  properties: {
    minimumTlsVersion: '1.2'
    highAvailability: 'Enabled'
  }
}

resource database 'Microsoft.Cache/redisEnterprise/databases@2025-04-01' = {
  parent: cluster
  name: 'default'
  properties: {
    port: 10000
    clientProtocol: 'Encrypted'
    // One address for all keys: sidecars do not follow a cluster's redirections.
    clusteringPolicy: 'EnterpriseCluster'
    // Full, it refuses, and work is held; what it drops would be lost.
    evictionPolicy: 'NoEviction'
    accessKeysAuthentication: 'Disabled'
    persistence: {
      aofEnabled: true
      aofFrequency: '1s'
      rdbEnabled: false
    }
  }
}

@batchSize(1)
resource access 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments@2025-04-01' = [for agent in agents: {
  parent: database
  name: agent.name
  properties: {
    accessPolicyName: 'default'
    user: {
      objectId: agent.principalId
    }
  }
}]

module endpoint 'endpoint.bicep' = {
  name: 'endpoint-redis'
  params: {
    location: location
    tags: tags
    name: cluster.name
    subnetId: subnetId
    target: cluster.id
    group: 'redisEnterprise'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: cluster
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output address string = '${cluster.properties.hostName}:${database.properties.port}'
