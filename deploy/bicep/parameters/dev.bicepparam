// A cluster to try things in: Managed Redis for events and state, the models in the cluster, the tokens in Key Vault as everywhere.
using '../main.bicep'

param environmentName = 'dev'
param components = 'redis'
param openAiRegions = []
param redisSku = 'Balanced_B0'
param nodes = {
  size: 'Standard_D4s_v5'
  min: 1
  max: 3
}
param privateApi = false
param apiRanges = [readEnvironmentVariable('AGENTS_API_RANGE')]

// What each organisation has of its own: the deployment stops before anything is made when one is missing.
param adminGroupId = readEnvironmentVariable('AGENTS_ADMIN_GROUP')
param host = readEnvironmentVariable('AGENTS_HOST')
param loginAudience = readEnvironmentVariable('AGENTS_LOGIN_AUDIENCE')
param budget = {
  amount: 800
  from: readEnvironmentVariable('AGENTS_BUDGET_FROM')
  contacts: [readEnvironmentVariable('AGENTS_BUDGET_CONTACT')]
}
