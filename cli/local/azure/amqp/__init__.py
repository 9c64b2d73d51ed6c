"""The server side of AMQP 1.0 (OASIS, 2012), as far as clients of Azure Service Bus use it.

Own code, because there is no library to lean on: those for Python and Go are clients, and Qpid Proton comes as C source
alone (docs/adr/0022-azure-by-components.md).
"""
