"""Agents made as docs/adding-an-agent.md says, for what the shipped ones cannot vary. Each event costs them what one of
`implementation` costs: the same prompt, the same answer of the model, the same event out.
"""
