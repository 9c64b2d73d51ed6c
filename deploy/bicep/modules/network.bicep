// One virtual network: a subnet for nodes, one for private endpoints, and the private names of the services behind them.
param location string
param tags object
param name string
@description('Of the virtual network; the two below lie in it. Pods have addresses of their own (overlay).')
param addressPrefix string
param nodesPrefix string
@description('What the network policies of the chart let agents reach: deploy.outputs compares it with the value files.')
param endpointsPrefix string

var zones = [
  'privatelink.azurecr.io'
  'privatelink.documents.azure.com'
  'privatelink.openai.azure.com'
  'privatelink.redis.azure.net'
  'privatelink.servicebus.windows.net'
  'privatelink.vaultcore.azure.net'
]

resource endpointsRules 'Microsoft.Network/networkSecurityGroups@2024-07-01' = {
  name: 'nsg-${name}-endpoints'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'from-nodes'
        properties: {
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: nodesPrefix
          sourcePortRange: '*'
          destinationAddressPrefix: endpointsPrefix
          // HTTPS, AMQP, Managed Redis.
          destinationPortRanges: ['443', '5671', '10000']
        }
      }
      {
        name: 'nothing-else'
        properties: {
          priority: 4000
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' = {
  name: 'vnet-${name}'
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [addressPrefix]
    }
    subnets: [
      {
        name: 'nodes'
        properties: {
          addressPrefix: nodesPrefix
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: endpointsPrefix
          networkSecurityGroup: {
            id: endpointsRules.id
          }
          // Without it the rules above pass private endpoints by.
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
    ]
  }

  resource nodes 'subnets' existing = {
    name: 'nodes'
  }

  resource endpoints 'subnets' existing = {
    name: 'endpoints'
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [for zoneName in zones: {
  name: zoneName
  location: 'global'
  tags: tags
}]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (zoneName, index) in zones: {
  parent: zone[index]
  name: name
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}]

output networkName string = network.name
output nodesSubnetId string = network::nodes.id
output endpointsSubnetId string = network::endpoints.id
