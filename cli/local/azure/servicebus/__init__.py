"""Stand-in for Azure Service Bus: topics and their subscriptions with peek-lock, over AMQP 1.0.

Left out: sessions, deferral, peeking, rules, duplicate detection, transactions, scheduling, Entra ID.
"""
