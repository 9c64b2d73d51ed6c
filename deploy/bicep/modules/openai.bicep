// Azure OpenAI in one region. Two of them make the agents' fallback: the models file says which one is asked first.
param tags object
param name string
param region string
@description('{name, version, sku, capacity}: capacity in thousands of tokens a minute.')
param model {
  name: string
  version: string
  sku: string
  capacity: int
}
@description('Of the private endpoint, with its subnet.')
param location string
param subnetId string
param workspaceId string

resource account 'Microsoft.CognitiveServices/accounts@2025-06-01' = {
  name: name
  location: region
  tags: tags
  kind: 'OpenAI'
  sku: {
    name: 'S0'
  }
  properties: {
    // Identities are accepted under a name of one's own only.
    customSubDomainName: name
    disableLocalAuth: true
    publicNetworkAccess: 'Disabled'
  }
}

resource deployment 'Microsoft.CognitiveServices/accounts/deployments@2025-06-01' = {
  parent: account
  name: model.name
  sku: {
    name: model.sku
    capacity: model.capacity
  }
  properties: {
    model: {
      format: 'OpenAI'
      name: model.name
      version: model.version
    }
    // Prompts were measured with this version; another one is a release.
    versionUpgradeOption: 'NoAutoUpgrade'
  }
}

module endpoint 'endpoint.bicep' = {
  name: 'endpoint-openai-${region}'
  params: {
    location: location
    tags: tags
    name: account.name
    subnetId: subnetId
    target: account.id
    group: 'account'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    // Not the trace of requests and answers, which has what people wrote.
    logs: [{ categoryGroup: 'audit', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output name string = account.name
output endpoint string = 'https://${account.properties.customSubDomainName}.openai.azure.com'
output deployment string = deployment.name
