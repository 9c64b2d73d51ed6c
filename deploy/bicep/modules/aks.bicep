// The cluster: three zones, Cilium, workload identity, Dapr and KEDA by the platform's own extension and add-on.
param location string
param tags object
param name string
param networkName string
param subnetId string
param workspaceId string
@description('Where the chart is installed: the logs of its pods are kept.')
param kubernetesNamespace string
@description('Object id of the Entra group whose members administer the cluster; there are no local accounts.')
param adminGroupId string
@description('Whether the API server has a private address only.')
param privateApi bool
@description('Who may reach a public API server; empty: everybody who has a token.')
param apiRanges string[]
param kubernetesVersion string
param daprVersion string
@description('Of the pool for agents: {size, min, max}.')
param nodes {
  size: string
  min: int
  max: int
}

var zones = ['1', '2', '3']
var networkContributor = '4d97b98b-1d4f-4787-a291-c67834d212e7'
var streams = ['Microsoft-ContainerLogV2', 'Microsoft-KubeEvents', 'Microsoft-KubePodInventory']

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${name}'
  location: location
  tags: tags
}

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' existing = {
  name: networkName

  resource nodesSubnet 'subnets' existing = {
    name: 'nodes'
  }
}

// Load balancers of the cluster join its own subnet, and no other.
resource joinsSubnet 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: network::nodesSubnet
  name: guid(network::nodesSubnet.id, name, networkContributor)
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', networkContributor)
  }
}

resource cluster 'Microsoft.ContainerService/managedClusters@2025-05-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: 'Base'
    tier: 'Standard'
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    kubernetesVersion: kubernetesVersion
    dnsPrefix: name
    disableLocalAccounts: true
    aadProfile: {
      managed: true
      enableAzureRBAC: true
      adminGroupObjectIDs: [adminGroupId]
    }
    apiServerAccessProfile: {
      enablePrivateCluster: privateApi
      privateDNSZone: privateApi ? 'system' : null
      authorizedIPRanges: privateApi ? null : apiRanges
    }
    oidcIssuerProfile: {
      enabled: true
    }
    securityProfile: {
      workloadIdentity: {
        enabled: true
      }
      imageCleaner: {
        enabled: true
        intervalHours: 168
      }
    }
    workloadAutoScalerProfile: {
      keda: {
        enabled: true
      }
    }
    networkProfile: {
      networkPlugin: 'azure'
      networkPluginMode: 'overlay'
      networkDataplane: 'cilium'
      networkPolicy: 'cilium'
      loadBalancerSku: 'standard'
      outboundType: 'loadBalancer'
    }
    autoUpgradeProfile: {
      upgradeChannel: 'patch'
      nodeOSUpgradeChannel: 'NodeImage'
    }
    agentPoolProfiles: [
      {
        name: 'system'
        mode: 'System'
        vmSize: nodes.size
        osSKU: 'AzureLinux'
        availabilityZones: zones
        enableAutoScaling: true
        minCount: nodes.min
        maxCount: nodes.max
        vnetSubnetID: subnetId
        nodeTaints: ['CriticalAddonsOnly=true:NoSchedule']
      }
      {
        name: 'agents'
        mode: 'User'
        vmSize: nodes.size
        osSKU: 'AzureLinux'
        availabilityZones: zones
        enableAutoScaling: true
        minCount: nodes.min
        maxCount: nodes.max
        vnetSubnetID: subnetId
        upgradeSettings: {
          maxSurge: '1'
          // A pod of an agent takes 53 s to end (deploy/helm/agents/README.md); its node waits for the budgets.
          drainTimeoutInMinutes: 30
        }
      }
    ]
    addonProfiles: {
      azureKeyvaultSecretsProvider: {
        enabled: true
        config: {
          enableSecretRotation: 'true'
        }
      }
      omsagent: {
        enabled: true
        config: {
          logAnalyticsWorkspaceResourceID: workspaceId
          useAADAuth: 'true'
        }
      }
    }
  }
  dependsOn: [joinsSubnet]
}

resource dapr 'Microsoft.KubernetesConfiguration/extensions@2024-11-01' = {
  scope: cluster
  name: 'dapr'
  properties: {
    extensionType: 'Microsoft.Dapr'
    // A sidecar of another version than the one that was tried changes what is proved (docs/azure.md).
    autoUpgradeMinorVersion: false
    version: daprVersion
    releaseTrain: 'Stable'
    scope: {
      cluster: {
        releaseNamespace: 'dapr-system'
      }
    }
    configurationSettings: {
      'global.ha.enabled': 'true'
      // For the pod-security standard restricted.
      'dapr_sidecar_injector.sidecarDropALLCapabilities': 'true'
    }
  }
}

// The agents' logs, and none of the system's own.
resource containerLogs 'Microsoft.Insights/dataCollectionRules@2023-03-11' = {
  name: 'dcr-${name}'
  location: location
  tags: tags
  kind: 'Linux'
  properties: {
    dataSources: {
      extensions: [
        {
          name: 'ContainerInsightsExtension'
          extensionName: 'ContainerInsights'
          streams: streams
          extensionSettings: {
            dataCollectionSettings: {
              interval: '1m'
              namespaceFilteringMode: 'Include'
              namespaces: [kubernetesNamespace, 'dapr-system']
              enableContainerLogV2: true
            }
          }
        }
      ]
    }
    destinations: {
      logAnalytics: [
        {
          name: 'workspace'
          workspaceResourceId: workspaceId
        }
      ]
    }
    dataFlows: [
      {
        streams: streams
        destinations: ['workspace']
      }
    ]
  }
}

resource collects 'Microsoft.Insights/dataCollectionRuleAssociations@2023-03-11' = {
  scope: cluster
  name: 'ContainerInsightsExtension'
  properties: {
    dataCollectionRuleId: containerLogs.id
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: cluster
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    // kube-audit itself, with every read, costs more than the cluster.
    logs: [for category in ['kube-apiserver', 'kube-audit-admin', 'guard', 'cluster-autoscaler']: {
      category: category
      enabled: true
    }]
  }
}

output oidcIssuer string = cluster.properties.oidcIssuerProfile.issuerURL
output kubeletPrincipalId string = cluster.properties.identityProfile.kubeletidentity.objectId
