// One agent's identity, and what every agent may: read secrets, ask the models.
param location string
param tags object
@description('The agent\'s app-id, which is the name of its ServiceAccount as well.')
param agent string
param name string
@description('Where the chart is installed.')
param kubernetesNamespace string
param oidcIssuer string
param keyVaultName string
param openAiNames string[]

var keyVaultSecretsUser = '4633458b-17de-408a-b874-0445c86b69e6'
var openAiUser = '5e0bd9bd-7b93-4f28-af87-19fc36ad61bd'
// KEDA's operator asks the broker how much waits, in the agent's name.
var subjects = {
  pods: 'system:serviceaccount:${kubernetesNamespace}:${agent}'
  keda: 'system:serviceaccount:kube-system:keda-operator'
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${name}-${agent}'
  location: location
  tags: tags
}

// One after the other: Azure refuses two at a time on one identity.
@batchSize(1)
resource federated 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2024-11-30' = [for subject in items(subjects): {
  parent: identity
  name: subject.key
  properties: {
    issuer: oidcIssuer
    subject: subject.value
    audiences: ['api://AzureADTokenExchange']
  }
}]

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: keyVaultName
}

resource readsSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, identity.id, keyVaultSecretsUser)
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', keyVaultSecretsUser)
  }
}

resource models 'Microsoft.CognitiveServices/accounts@2025-06-01' existing = [for account in openAiNames: {
  name: account
}]

resource asksModels 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (account, index) in openAiNames: {
  scope: models[index]
  name: guid(models[index].id, identity.id, openAiUser)
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', openAiUser)
  }
}]

output principalId string = identity.properties.principalId
output clientId string = identity.properties.clientId
