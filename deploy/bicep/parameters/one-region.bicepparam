// Prod in one region, that of the resource group: three zones, no twin, no fallback. With it goes models/azure-one-region.yaml.
using '../main.bicep'

param environmentName = 'prod'
param components = 'azure'
param serviceBusCapacity = 2
param cosmosMode = 'autoscale'
param cosmosMaxThroughput = 10000
param privateApi = true
param logRetentionDays = 90

// What each organisation has of its own: the deployment stops before anything is made when one is missing.
param adminGroupId = readEnvironmentVariable('AGENTS_ADMIN_GROUP')
param host = readEnvironmentVariable('AGENTS_HOST')
param loginAudience = readEnvironmentVariable('AGENTS_LOGIN_AUDIENCE')
param frontDoorOrigin = readEnvironmentVariable('AGENTS_FRONT_DOOR_ORIGIN', '')
param budget = {
  amount: 8000
  from: readEnvironmentVariable('AGENTS_BUDGET_FROM')
  contacts: [readEnvironmentVariable('AGENTS_BUDGET_CONTACT')]
}
