"""The fault suite: the system as `agents up` starts it, attacked while chains run through it, counted from outside.

    python -m tests.faults [ROW …] [--components NAME] [--chains N] [--seed S] [--list] [--json] [--report]

A chain is one `spec.generated` event put into the broker as a foreign publisher would: three replicas of
implementation write code, notification drafts and sends, and a webhook (or mail) receiver of ours gets it. What was
lost or seen twice is counted by `outside/`, a process of its own; what the system says about itself decides nothing.
"""
