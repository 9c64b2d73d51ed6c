// As prod, smaller, in one region.
using '../main.bicep'

param environmentName = 'staging'
param components = 'azure'
param openAiRegions = ['westeurope', 'swedencentral']
param cosmosMode = 'serverless'
param privateApi = true

// What each organisation has of its own: the deployment stops before anything is made when one is missing.
param adminGroupId = readEnvironmentVariable('AGENTS_ADMIN_GROUP')
param host = readEnvironmentVariable('AGENTS_HOST')
param loginAudience = readEnvironmentVariable('AGENTS_LOGIN_AUDIENCE')
param budget = {
  amount: 3000
  from: readEnvironmentVariable('AGENTS_BUDGET_FROM')
  contacts: [readEnvironmentVariable('AGENTS_BUDGET_CONTACT')]
}
