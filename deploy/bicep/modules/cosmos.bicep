// Cosmos DB for the executions: one region writes, since a document is created once by its ETag.
param tags object
param name string
@description('The first writes; another one takes over by itself when it is lost.')
param regions string[]
@description('serverless for one region and little load, otherwise autoscale.')
@allowed(['serverless', 'autoscale'])
param mode string
@description('RU/s at most, by autoscale; what a rate of events takes is computed in docs/capacity.md.')
param maxThroughput int
@description('Of the account itself, which cannot move, and of the private endpoint with its subnet.')
param location string
param subnetId string
param workspaceId string

var serverless = mode == 'serverless'

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' = {
  name: name
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    capabilities: serverless ? [{ name: 'EnableServerless' }] : []
    // Strong for everybody in the region that writes, without waiting for the other one.
    consistencyPolicy: {
      defaultConsistencyLevel: 'BoundedStaleness'
      maxIntervalInSeconds: 300
      maxStalenessPrefix: 100000
    }
    locations: [for (region, index) in regions: {
      locationName: region
      failoverPriority: index
      isZoneRedundant: !serverless
    }]
    enableMultipleWriteLocations: false
    enableAutomaticFailover: length(regions) > 1
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: {
        tier: 'Continuous30Days'
      }
    }
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: 'Disabled'
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2025-04-15' = {
  parent: account
  name: 'agents'
  properties: {
    resource: {
      id: 'agents'
    }
  }
}

resource container 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2025-04-15' = {
  parent: database
  name: 'agents-statestore'
  properties: {
    resource: {
      id: 'agents-statestore'
      // The sidecar fills it with the key: a partition for each document.
      partitionKey: {
        kind: 'Hash'
        paths: ['/partitionKey']
        version: 2
      }
      // Documents say their own; without a default Cosmos DB would not listen.
      defaultTtl: -1
      // Nothing is ever queried, and every indexed path costs RU with each write.
      indexingPolicy: {
        indexingMode: 'consistent'
        automatic: true
        excludedPaths: [{ path: '/*' }]
      }
    }
    options: serverless ? {} : {
      autoscaleSettings: {
        maxThroughput: maxThroughput
      }
    }
  }
}

module endpoint 'endpoint.bicep' = {
  name: 'endpoint-cosmos'
  params: {
    location: location
    tags: tags
    name: account.name
    subnetId: subnetId
    target: account.id
    group: 'Sql'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    // Not every request to the data: at a thousand events a second the log would cost more than the account.
    logs: [for category in ['ControlPlaneRequests', 'PartitionKeyRUConsumption']: {
      category: category
      enabled: true
    }]
    metrics: [{ category: 'Requests', enabled: true }]
  }
}

output name string = account.name
output url string = account.properties.documentEndpoint
output database string = database.name
output container string = container.name
