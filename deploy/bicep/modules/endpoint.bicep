// A service's private endpoint, under the name that its clients use anyway.
param location string
param tags object
param name string
param subnetId string
@description('Id of the service.')
param target string
@description('What of the service: namespace, Sql, vault, registry, account or redisEnterprise.')
param group string

var zones = {
  account: 'privatelink.openai.azure.com'
  namespace: 'privatelink.servicebus.windows.net'
  redisEnterprise: 'privatelink.redis.azure.net'
  registry: 'privatelink.azurecr.io'
  Sql: 'privatelink.documents.azure.com'
  vault: 'privatelink.vaultcore.azure.net'
}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' existing = {
  name: zones[group]
}

resource endpoint 'Microsoft.Network/privateEndpoints@2024-07-01' = {
  name: 'pe-${name}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: name
        properties: {
          privateLinkServiceId: target
          groupIds: [group]
        }
      }
    ]
  }
}

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-07-01' = {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: group
        properties: {
          privateDnsZoneId: zone.id
        }
      }
    ]
  }
}
