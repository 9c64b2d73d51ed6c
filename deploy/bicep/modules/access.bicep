// What one agent may do to events and state: publish to its own topics, receive from its own subscriptions, work in the container.
param agent string
param principalId string
@description('Topics by event type, as the agent declares them.')
param publishes string[]
param subscribes string[]
@description('Both of a pair: after a fail-over nothing has to be granted.')
param serviceBusNames string[]
param cosmosName string
param cosmosDatabase string
param cosmosContainer string

var dataSender = '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'
var dataReceiver = '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'
var cosmosDataContributor = '00000000-0000-0000-0000-000000000002'

var sent = flatten(map(serviceBusNames, namespace => map(publishes, event => '${namespace}/${event}')))
var received = flatten(map(serviceBusNames, namespace => map(subscribes, event => '${namespace}/${event}/${agent}')))

resource topic 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' existing = [for path in sent: {
  name: path
}]

resource sends 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (path, index) in sent: {
  scope: topic[index]
  name: guid(topic[index].id, principalId, dataSender)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataSender)
  }
}]

resource subscription 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' existing = [for path in received: {
  name: path
}]

resource receives 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (path, index) in received: {
  scope: subscription[index]
  name: guid(subscription[index].id, principalId, dataReceiver)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataReceiver)
  }
}]

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' existing = {
  name: cosmosName
}

// Documents alone: roles of the data plane are Cosmos DB's own, and make no containers.
resource works 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-04-15' = {
  parent: account
  name: guid(account.id, principalId, cosmosDataContributor)
  properties: {
    principalId: principalId
    roleDefinitionId: '${account.id}/sqlRoleDefinitions/${cosmosDataContributor}'
    scope: '${account.id}/dbs/${cosmosDatabase}/colls/${cosmosContainer}'
  }
}
