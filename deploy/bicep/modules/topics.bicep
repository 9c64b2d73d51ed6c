// Written by `python -m cli.documents` from the agents' declarations: a topic for each event type, a subscription for each
// agent that receives it, named by its app-id. The sidecars make none themselves (disableEntityManagement).
@description('Name of the Service Bus namespace, of the tier Premium.')
param namespaceName string

var topics = [
  'agents.devops.budget.exceeded'
  'agents.devops.dead-letter'
  'agents.devops.execution.requested'
  'agents.devops.issue.created'
  'agents.devops.project.updated'
  'agents.devops.prompt.rolled-back'
  'agents.devops.sprint.analyzed'
  'agents.devops.workflow.triggered'
  'agents.implementation.budget.exceeded'
  'agents.implementation.code.generated'
  'agents.implementation.dead-letter'
  'agents.implementation.execution.requested'
  'agents.implementation.prompt.rolled-back'
  'agents.implementation.refactoring.suggested'
  'agents.implementation.review.completed'
  'agents.notification.budget.exceeded'
  'agents.notification.dead-letter'
  'agents.notification.delivery.confirmed'
  'agents.notification.delivery.failed'
  'agents.notification.execution.requested'
  'agents.notification.prompt.rolled-back'
  'agents.notification.send.requested'
  'agents.notification.sent.completed'
  'agents.servicedesk.budget.exceeded'
  'agents.servicedesk.dead-letter'
  'agents.servicedesk.execution.requested'
  'agents.servicedesk.prompt.rolled-back'
  'agents.servicedesk.solution.suggested'
  'agents.servicedesk.ticket.created'
  'agents.servicedesk.ticket.escalated'
  'agents.servicedesk.ticket.triaged'
  'agents.testplanning.budget.exceeded'
  'agents.testplanning.coverage.analyzed'
  'agents.testplanning.dead-letter'
  'agents.testplanning.execution.requested'
  'agents.testplanning.prompt.rolled-back'
  'agents.testplanning.spec.generated'
  'agents.testplanning.strategy.created'
]

// By the topic's place in the list above.
var subscriptions = [
  { topic: 1, receiver: 'notification' } // agents.devops.dead-letter
  { topic: 2, receiver: 'devops' } // agents.devops.execution.requested
  { topic: 9, receiver: 'notification' } // agents.implementation.code.generated
  { topic: 10, receiver: 'notification' } // agents.implementation.dead-letter
  { topic: 11, receiver: 'implementation' } // agents.implementation.execution.requested
  { topic: 19, receiver: 'notification' } // agents.notification.execution.requested
  { topic: 21, receiver: 'notification' } // agents.notification.send.requested
  { topic: 24, receiver: 'notification' } // agents.servicedesk.dead-letter
  { topic: 25, receiver: 'service-desk' } // agents.servicedesk.execution.requested
  { topic: 28, receiver: 'service-desk' } // agents.servicedesk.ticket.created
  { topic: 29, receiver: 'devops' } // agents.servicedesk.ticket.escalated
  { topic: 29, receiver: 'notification' } // agents.servicedesk.ticket.escalated
  { topic: 30, receiver: 'service-desk' } // agents.servicedesk.ticket.triaged
  { topic: 33, receiver: 'notification' } // agents.testplanning.dead-letter
  { topic: 34, receiver: 'test-planning' } // agents.testplanning.execution.requested
  { topic: 36, receiver: 'implementation' } // agents.testplanning.spec.generated
]

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource topic 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' = [for name in topics: {
  parent: namespace
  name: name
  properties: {
    maxMessageSizeInKilobytes: 1024
    enableBatchedOperations: true
    // Event ids are told apart by the agents, for longer than Service Bus would.
    requiresDuplicateDetection: false
  }
}]

resource subscription 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' = [for one in subscriptions: {
  parent: topic[one.topic]
  name: one.receiver
  properties: {
    // A dying app's deliveries come back at once, hundreds of times: a small count would give good events up.
    maxDeliveryCount: 2000
    lockDuration: 'PT5S'
    requiresSession: false
    // No time to live is set; an event that carries one itself is kept as a dead letter.
    deadLetteringOnMessageExpiration: true
    deadLetteringOnFilterEvaluationExceptions: true
    enableBatchedOperations: true
  }
}]
