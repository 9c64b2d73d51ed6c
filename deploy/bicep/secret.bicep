// One secret into the vault of main.bicep, made or changed: docs/azure-infrastructure.md, First secrets. Resource Manager writes it, who
// needs no way into the vault's network; the deployment's history keeps no value of a secure parameter.
targetScope = 'resourceGroup'

@description('Its name, the output keyVault of main.bicep.')
param vault string
@description('As the chart asks for it: secrets.keyVault and secrets.env.')
param name string
@secure()
param value string

resource existingVault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vault
}

resource secret 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = {
  parent: existingVault
  name: name
  properties: {
    value: value
  }
}
